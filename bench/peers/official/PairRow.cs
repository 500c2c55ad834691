using System.Text.Json;
using System.Text.Json.Serialization;

namespace Rm.PeerOfficial;

/// <summary>A pair of tokenized texts: a line of the file that both peers and btrm bench --data read.</summary>
internal sealed record PairRow(
    [property: JsonPropertyName("chosen_ids")] int[] Chosen, [property: JsonPropertyName("rejected_ids")] int[] Rejected)
{
    /// <summary>The rows of a file.</summary>
    public static IReadOnlyList<PairRow> Load(string path) =>
        [.. File.ReadLines(path).Select(static line => JsonSerializer.Deserialize<PairRow>(line)!)];
}
