using System.Text;

namespace Rm.Host.Experiments;

/// <summary>Names of runs: each is a folder's name on every system and one word in a shell.</summary>
internal static class SweepNames
{
    /// <summary>Longest name.</summary>
    public const int MaxLength = 100;

    // What the sweep itself keeps in the output folder.
    private static readonly string[] Taken = ["slurm", "sweep.json", "results.jsonl"];

    /// <summary>What is wrong with a name, or null.</summary>
    public static string? Problem(string name) =>
        name.Length is 0 or > MaxLength ? $"must have 1 to {MaxLength} characters"
        : !name.All(IsPlain) || name[0] is '.' or '-' || name[^1] == '.'
            ? "may hold letters, digits and . _ - + = only, and not begin with . or - or end with ."
        : Taken.Contains(name, StringComparer.OrdinalIgnoreCase) ? "is what the sweep calls a file of its own"
        : null;

    /// <summary>The name of a combination: <c>lr=1e-4_lora-rank=8</c>, other characters than a name may hold as dashes.</summary>
    public static string Of(IEnumerable<(string Key, string Value)> settings)
    {
        var name = new StringBuilder();
        foreach ((string key, string value) in settings)
        {
            name.Append(name.Length == 0 ? "" : "_").Append(key).Append('=');
            foreach (char c in value)
            {
                name.Append(IsPlain(c) ? c : '-');
            }
        }

        return name.ToString();
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '+' or '=';
}
