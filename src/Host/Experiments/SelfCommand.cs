namespace Rm.Host.Experiments;

/// <summary>How to start this program again.</summary>
internal static class SelfCommand
{
    private const string Name = "btrm";

    /// <summary>
    /// The words that start it: the executable itself, or <c>dotnet</c> and the assembly when it was started so (or by a program that only
    /// hosts it).
    /// </summary>
    public static IReadOnlyList<string> Words { get; } = Find(Environment.ProcessPath, AppContext.BaseDirectory);

    internal static IReadOnlyList<string> Find(string? process, string folder)
    {
        string assembly = Path.Combine(folder, Name + ".dll");
        string? program = Path.GetFileNameWithoutExtension(process);
        return process is null || (program != Name && File.Exists(assembly))
            ? [program == "dotnet" ? process! : "dotnet", assembly]
            : [process];
    }
}
