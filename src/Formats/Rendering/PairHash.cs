using Rm.Formats.Files;
using Rm.Formats.Rows;

namespace Rm.Formats.Rendering;

/// <summary>Identifies a pair by what its row says, independently of template, tokenizer and truncation.</summary>
internal static class PairHash
{
    /// <summary>Hash of both sides in their order: turns, whole text or token ids.</summary>
    public static UInt128 Of(PairRow row) =>
        row.Chosen.TokenIds is { } chosen && row.Rejected.TokenIds is { } rejected
            ? ContentHash.OfIds(chosen, rejected)
            : ContentHash.OfTexts([.. Side(row.Chosen), "", .. Side(row.Rejected)]);

    private static IEnumerable<string> Side(Conversation side) =>
        side.Messages is { } turns ? turns.SelectMany(turn => new[] { turn.Role, turn.Identity }) : [side.Text!];
}
