using System.Text.Json;
using System.Text.RegularExpressions;
using Rm.Formats.Json;

namespace Rm.Training.Adapters;

/// <summary>
/// PEFT's rule of which modules an adapter is on: target_modules (names by their end, whole paths, or one pattern over the whole path),
/// less exclude_modules, in layers_to_transform.
/// </summary>
public sealed class AdapterTargets
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Func<string, bool> _matches;
    private readonly Func<string, bool> _excluded;
    private readonly HashSet<int>? _layers;

    private AdapterTargets(Func<string, bool> matches, Func<string, bool> excluded, HashSet<int>? layers)
    {
        (_matches, _excluded, _layers) = (matches, excluded, layers);
    }

    /// <summary>Whether a module is adapted.</summary>
    /// <param name="path">Its path in the model, "model.layers.3.self_attn.q_proj".</param>
    /// <param name="layer">Its layer.</param>
    public bool Match(string path, int layer) => !_excluded(path) && _matches(path) && (_layers?.Contains(layer) ?? true);

    /// <summary>The modules whose whole path a pattern matches.</summary>
    public static AdapterTargets OfPattern(string pattern) => new(Whole(pattern), _ => false, layers: null);

    /// <summary>Reads the three fields; an absent target_modules is the caller's error.</summary>
    internal static AdapterTargets Read(JsonFields fields)
    {
        Func<string, bool> targets = fields.Find("target_modules") is { ValueKind: JsonValueKind.String } value
            && value.GetString() == "all-linear"
                ? _ => true
                : Rule(fields, "target_modules");
        return new AdapterTargets(targets, Rule(fields, "exclude_modules"), Layers(fields));
    }

    /// <summary>
    /// The first entry of rank_pattern or alpha_pattern that a module's path matches, or null: the end of the path after a dot.
    /// </summary>
    internal static T? Pattern<T>(IEnumerable<KeyValuePair<string, T>> patterns, string path)
        where T : struct
    {
        foreach ((string key, T value) in patterns)
        {
            if (IsMatch($@"^(.*\.)?({key})\z", path))
            {
                return value;
            }
        }

        return null;
    }

    private static Func<string, bool> Rule(JsonFields fields, string name)
    {
        if (fields.Find(name) is { ValueKind: JsonValueKind.String } pattern)
        {
            string text = pattern.GetString()!;
            return text.Length == 0 ? _ => false : Whole(text);
        }

        string[] names = [.. fields.OptionalStrings(name) ?? []];
        return path => names.Any(n => path == n || path.EndsWith("." + n, StringComparison.Ordinal));
    }

    private static Func<string, bool> Whole(string pattern) => path => IsMatch($@"\A(?:{pattern})\z", path);

    // Python's patterns and .NET's agree on what people write here; what .NET cannot read, or not in time, matches nothing and is then
    // reported as tensors that do not fit.
    private static bool IsMatch(string pattern, string path)
    {
        try
        {
            return Regex.IsMatch(path, pattern, RegexOptions.CultureInvariant, Patience);
        }
        catch (Exception e) when (e is ArgumentException or RegexMatchTimeoutException)
        {
            return false;
        }
    }

    private static HashSet<int>? Layers(JsonFields fields)
    {
        if (fields.Find("layers_to_transform") is not { } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Array)
        {
            int[] layers = [.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int n)
                ? n : throw fields.Wrong("layers_to_transform", value, "layers"))];
            return layers.Length == 0 ? null : [.. layers];
        }

        return [fields.Int("layers_to_transform", 0, int.MaxValue)];
    }
}
