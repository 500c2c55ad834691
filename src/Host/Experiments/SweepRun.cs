using System.Text.Json;

namespace Rm.Host.Experiments;

/// <summary>One run of a sweep as the file defines it.</summary>
/// <param name="Name">Its name, and that of its folder.</param>
/// <param name="Note">What it is about, or null.</param>
/// <param name="Settings">All settings by option name without dashes, the base's included.</param>
/// <param name="Changed">Those that the run itself gives, in the file's order.</param>
internal sealed record SweepRun(
    string Name, string? Note, IReadOnlyDictionary<string, JsonElement> Settings, IReadOnlyList<KeyValuePair<string, JsonElement>> Changed)
{
    /// <summary>A setting's value as a name or a table shows it.</summary>
    public static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Null => "none",
        JsonValueKind.Array => string.Join(',', value.EnumerateArray().Select(Text)),
        _ => value.GetRawText(),
    };
}
