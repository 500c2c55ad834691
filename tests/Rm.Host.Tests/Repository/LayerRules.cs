using System.Text.RegularExpressions;

namespace Rm.Host.Tests.Repository;

/// <summary>
/// Inside Rm.Kernels dependencies point one way: Cpu, Cuda -> Ops -> Tensors; above it nobody sees Cuda.Driver or a pointer. Works on text:
/// namespaces are compared with folders, and names of layers that stand before a dot in code are taken as uses of them, so that relative
/// names do not slip through.
/// </summary>
internal static partial class LayerRules
{
    private static readonly Dictionary<string, string[]> ForbiddenLayers = new(StringComparer.Ordinal)
    {
        ["Tensors"] = ["Ops", "Cpu", "Cuda"],
        ["Ops"] = ["Cpu", "Cuda"],
        ["Cpu"] = ["Cuda"],
        ["Cuda"] = ["Cpu"],
    };

    /// <summary>What a C# file at <paramref name="path"/> (src/ROOM/...) does against the rules, one line each.</summary>
    public static IReadOnlyList<string> Violations(string path, string text)
    {
        string[] parts = path.Split('/');
        string root = "Rm." + parts[1];
        var found = new List<string>();
        (int Line, string Code)[] code = [.. CodeLines(text)];
        string? expected = parts.Length > 3 ? root + '.' + string.Join('.', parts[2..^1]) : root;
        foreach ((int line, string name) in code.Select(c => (c.Line, NamespaceOf(c.Code))).Where(c => c.Item2 is not null)
            .Select(c => (c.Line, c.Item2!)))
        {
            if (name != expected)
            {
                found.Add($"{path}:{line}: namespace {name} does not follow its folder ({expected})");
            }
        }

        foreach ((int line, string content) in code)
        {
            found.AddRange(
                (root == "Rm.Kernels" ? LayerUses(parts[2], content) : HostUses(content)).Select(use => $"{path}:{line}: {use}"));
        }

        return found;
    }

    /// <summary>What a .cu file includes beside common/.</summary>
    public static IReadOnlyList<string> IncludeViolations(string path, string text) =>
        [.. Include().Matches(text).Select(m => m.Groups[1].Value).Where(name => !name.StartsWith("\"common/", StringComparison.Ordinal))
            .Select(name => $"{path}: includes {name}; a .cu includes only \"common/...\"")];

    private static IEnumerable<string> HostUses(string code)
    {
        if (DriverName().IsMatch(code))
        {
            yield return "uses Cuda.Driver; only src/Kernels/Cuda may";
        }

        if (UnsafeKeyword().IsMatch(code))
        {
            yield return "is unsafe; only src/Kernels sees pointers";
        }
    }

    private static IEnumerable<string> LayerUses(string layer, string code) =>
        ForbiddenLayers.TryGetValue(layer, out string[]? forbidden)
            ? forbidden.Where(other => Regex.IsMatch(code, $@"(?<![\w.])(?:global::)?(?:Rm\.)?(?:Kernels\.)?{other}(?:\.[A-Z]|;)"))
                .Select(other => $"{layer} uses {other}")
            : [];

    private static string? NamespaceOf(string code) => Namespace().Match(code) is { Success: true } match ? match.Groups[1].Value : null;

    // Without comments and the content of strings.
    private static IEnumerable<(int Line, string Code)> CodeLines(string text)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string line = Literal().Replace(lines[i], "\"\"");
            int comment = line.IndexOf("//", StringComparison.Ordinal);
            yield return (i + 1, (comment < 0 ? line : line[..comment]).TrimEnd());
        }
    }

    [GeneratedRegex(@"^\s*namespace\s+([\w.]+)")]
    private static partial Regex Namespace();

    [GeneratedRegex(@"\bCuda\.Driver\b")]
    private static partial Regex DriverName();

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex UnsafeKeyword();

    [GeneratedRegex(@"""(?:[^""\\]|\\.)*""")]
    private static partial Regex Literal();

    [GeneratedRegex(@"^\s*#\s*include\s+(\S+)", RegexOptions.Multiline)]
    private static partial Regex Include();
}
