namespace Rm.Training.Model;

/// <summary>The modes of recomputation as users write them.</summary>
internal static class RecomputeNames
{
    /// <summary>All modes, the cheapest in time first.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<Recompute>().Select(Name)];

    /// <summary>The value of --recompute.</summary>
    public static string Name(this Recompute mode) => mode switch
    {
        Recompute.None => "none",
        Recompute.Selective => "selective",
        _ => "full",
    };
}
