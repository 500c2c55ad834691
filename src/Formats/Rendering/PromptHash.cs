using System.Globalization;
using Rm.Formats.Files;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rendering;

/// <summary>Identifies what a pair's two responses answer, independently of template, tokenizer and truncation.</summary>
internal static class PromptHash
{
    /// <summary>
    /// Hash of the turns that both sides share before the last of each (all earlier turns of the chosen side when they share none); of the
    /// shared text for plain texts; of the shared ids for token ids.
    /// </summary>
    public static UInt128 Of(PairRow row)
    {
        if (row.Chosen.Messages is { } chosen && row.Rejected.Messages is { } rejected)
        {
            return OfTurns(chosen, rejected);
        }

        if (row.Chosen.TokenIds is { } ids && row.Rejected.TokenIds is { } others)
        {
            return ContentHash.OfIds(ids[..PreferencePair.CommonPrefix(ids, others)]);
        }

        return ContentHash.OfTexts([row.Chosen.Text![..row.Chosen.ResponseStart]]);
    }

    /// <summary>Turns that both sides share before the last of each; all earlier turns of the chosen side when they share none.</summary>
    public static int SharedTurns(IReadOnlyList<ChatMessage> chosen, IReadOnlyList<ChatMessage> rejected)
    {
        int most = Math.Min(chosen.Count, rejected.Count) - 1;
        int shared = 0;
        while (shared < most && chosen[shared] == rejected[shared])
        {
            shared++;
        }

        return shared > 0 ? shared : chosen.Count - 1;
    }

    private static UInt128 OfTurns(IReadOnlyList<ChatMessage> chosen, IReadOnlyList<ChatMessage> rejected)
    {
        int turns = SharedTurns(chosen, rejected);
        return ContentHash.OfTexts(chosen.Take(turns).SelectMany(turn => new[] { turn.Role, turn.Identity })
            .Prepend(turns.ToString(CultureInfo.InvariantCulture)));
    }
}
