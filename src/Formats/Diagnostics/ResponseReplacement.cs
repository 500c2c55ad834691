using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Diagnostics;

/// <summary>Rows with other responses to the same prompt.</summary>
internal static class ResponseReplacement
{
    /// <summary>The text that stands for no response.</summary>
    public const string Empty = "[empty]";

    /// <summary>
    /// The row with <see cref="Empty"/> as the response of both sides. The prompt is what the two sides share; where they share no turn,
    /// that of the chosen side. Rows of token ids need <paramref name="encoder"/>.
    /// </summary>
    public static PairRow WithoutResponses(PairRow row, ITextEncoder? encoder)
    {
        Conversation side = row.Chosen.TokenIds is { } ids
            ? new Conversation { TokenIds = [.. ids[..PromptIds(row)], .. EmptyIds(row, encoder)] }
            : WithoutResponse(row.Chosen, row.Rejected);
        return row with { Chosen = side, Rejected = side };
    }

    /// <summary>The row with a response of <paramref name="donor"/> as its rejected one, in the chosen side's conversation.</summary>
    public static PairRow WithRejected(PairRow row, PairRow donor, bool donorsChosen)
    {
        Conversation other = donorsChosen ? donor.Chosen : donor.Rejected;
        if (row.Chosen.TokenIds is { } ids)
        {
            return row with
            {
                Rejected =
                new Conversation { TokenIds = [.. ids[..PromptIds(row)], .. other.TokenIds![PromptIds(donor)..]] }
            };
        }

        string response = ResponseOf(other);
        return row with
        {
            Rejected = row.Chosen with
            {
                Messages = row.Chosen.Messages is { } turns ? [.. turns.Take(turns.Count - 1), turns[^1].WithContent(response)] : null,
                Text = row.Chosen.Text is { } text ? text[..row.Chosen.ResponseStart] + response : null,
            },
        };
    }

    /// <summary>
    /// Whether a response of <paramref name="donor"/> would make the two sides of the row equal, or cannot be put into it.
    /// </summary>
    public static bool IsUseless(PairRow row, PairRow donor, bool donorsChosen)
    {
        Conversation other = donorsChosen ? donor.Chosen : donor.Rejected;
        return row.Chosen.TokenIds is { } ids
            ? other.TokenIds is null || ids.AsSpan(PromptIds(row)).SequenceEqual(other.TokenIds.AsSpan(PromptIds(donor)))
            : other.TokenIds is not null || ResponseOf(row.Chosen) == ResponseOf(other);
    }

    /// <summary>Length of a side: token ids, or characters of the response.</summary>
    public static int LengthOf(Conversation side) => side.TokenIds?.Length ?? ResponseOf(side).Length;

    private static string ResponseOf(Conversation side) =>
        side.Messages is { } turns ? turns[^1].Content : side.Text![side.ResponseStart..];

    private static int PromptIds(PairRow row) => PreferencePair.CommonPrefix(row.Chosen.TokenIds, row.Rejected.TokenIds);

    private static int[] EmptyIds(PairRow row, ITextEncoder? encoder) =>
        encoder?.Encode(Empty, addSpecialTokens: false)
        ?? throw row.Source.Error(
            "the row holds token ids, and prompt_only needs the checkpoint's tokenizer.json to write its placeholder.");

    private static Conversation WithoutResponse(Conversation chosen, Conversation rejected)
    {
        // Both sides get the same conversation: whatever tells them apart afterwards was added behind this point.
        IReadOnlyList<ChatMessage>? turns = chosen.Messages is { } own && rejected.Messages is { } others ? SharedTurns(own, others) : null;
        if (chosen.Text is not { } text)
        {
            return new Conversation { Messages = turns };
        }

        string prompt = SharedPrompt(chosen, rejected);
        return new Conversation { Messages = turns, Text = prompt + Empty, ResponseStart = prompt.Length };
    }

    private static IReadOnlyList<ChatMessage> SharedTurns(IReadOnlyList<ChatMessage> chosen, IReadOnlyList<ChatMessage> rejected)
    {
        int shared = PromptHash.SharedTurns(chosen, rejected);
        return [.. chosen.Take(shared), chosen[shared].WithContent(Empty)];
    }

    // Sides that part before the last turn share less than what is in front of their responses.
    private static string SharedPrompt(Conversation chosen, Conversation rejected)
    {
        ReadOnlySpan<char> own = chosen.Text.AsSpan(0, chosen.ResponseStart);
        if (rejected.Text is not { } other || own.SequenceEqual(other.AsSpan(0, rejected.ResponseStart)))
        {
            return own.ToString();
        }

        int shared = chosen.Text.AsSpan().CommonPrefixLength(other);
        return chosen.Text![..Transcript.LastContentStart(chosen.Text!, shared)];
    }
}
