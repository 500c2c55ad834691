using System.Security.Cryptography;
using System.Text.Json;
using Rm.Formats.Files;
using Rm.Formats.Rendering;

namespace Rm.Formats.Datasets;

/// <summary>
/// Identifies what a run was trained or evaluated on: the files by SHA-256, and the pairs that came out by a SHA-256 over their token
/// ids, margins and weights, which also tells a different tokenizer, template, truncation or limit.
/// </summary>
/// <param name="Files">The files, in reading order.</param>
/// <param name="RowsRead">Rows read of them.</param>
/// <param name="PairsKept">Pairs used.</param>
/// <param name="PairsSha256">Lower-case hex hash of the pairs.</param>
public sealed record DatasetFingerprint(IReadOnlyList<FileFingerprint> Files, long RowsRead, long PairsKept, string PairsSha256)
{
    /// <summary>The fingerprint of files and of the pairs that were made of them.</summary>
    public static DatasetFingerprint Of(IReadOnlyList<string> files, long rowsRead, IReadOnlyList<PreferencePair> pairs)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (PreferencePair pair in pairs)
        {
            ContentHash.AppendIds(hash, pair.Chosen);
            ContentHash.AppendIds(hash, pair.Rejected);
            ContentHash.AppendIds(hash, [BitConverter.SingleToInt32Bits(pair.Margin), BitConverter.SingleToInt32Bits(pair.Weight)]);
        }

        return new DatasetFingerprint(
            [.. files.Select(FileFingerprint.Of)], rowsRead, pairs.Count, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>Writes the fingerprint as one JSON object.</summary>
    public void WriteJson(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("files");
        foreach (FileFingerprint file in Files)
        {
            writer.WriteStartObject();
            writer.WriteString("path", file.Path);
            writer.WriteNumber("bytes", file.Bytes);
            writer.WriteString("sha256", file.Sha256);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("rows_read", RowsRead);
        writer.WriteNumber("pairs_kept", PairsKept);
        writer.WriteString("pairs_sha256", PairsSha256);
        writer.WriteEndObject();
    }
}
