using System.Text.Json;
using Rm.Formats.Text;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>Tells by a row's columns what kind of preference it is, and reads it.</summary>
public static class PairRowParser
{
    /// <summary>The kinds of pair rows, for messages.</summary>
    public const string KnownKinds =
        "prompt + chosen + rejected (strings or message lists); chosen + rejected (whole texts, transcripts or message lists); "
        + "history + human_ref_A + human_ref_B + labels; chosen_ids + rejected_ids (token ids)";

    /// <summary>What joins a history and an answer that come without a separator of their own.</summary>
    internal const string BlankLine = "\n\n";

    /// <summary>
    /// Reads a pair. Throws <see cref="UserInputException"/> naming file, line and field when the columns fit no kind, or a field does
    /// not hold what its kind needs.
    /// </summary>
    public static PairRow Parse(DataRow row) =>
        TryParse(row) ?? throw row.Error(
            $"the columns fit no kind of pair. The row has {Names.List(row.ColumnNames)}. Known kinds: {KnownKinds}.");

    /// <summary>Reads a pair, or null when the row's columns are not those of a pair.</summary>
    internal static PairRow? TryParse(DataRow row)
    {
        if (row.Has("chosen_ids") && row.Has("rejected_ids"))
        {
            return Build(row, RowKind.TokenIds, Ids(row, "chosen_ids"), Ids(row, "rejected_ids"));
        }
        if (row.Has("human_ref_A") && row.Has("human_ref_B"))
        {
            return Shp(row);
        }
        if (!row.Has("chosen") || !row.Has("rejected"))
        {
            return null;
        }
        bool lists = row.IsList("chosen") && row.IsList("rejected");
        if (!lists && row.IsList("chosen") != row.IsList("rejected"))
        {
            throw row.Error("rejected", "'chosen' and 'rejected' must both be strings or both be message lists.");
        }
        return row.Has("prompt") ? WithPrompt(row, lists)
            : lists ? Build(row, RowKind.MessageLists, Turns(row.GetMessages("chosen")), Turns(row.GetMessages("rejected")))
            : WholeTexts(row);
    }

    private static PairRow WithPrompt(DataRow row, bool lists)
    {
        if (!lists && !row.IsList("prompt"))
        {
            string prompt = row.GetText("prompt");
            return Build(
                row, RowKind.PromptStrings, Answer(prompt, row.GetText("chosen"), ""), Answer(prompt, row.GetText("rejected"), ""));
        }
        bool promptIsList = row.IsList("prompt");
        IReadOnlyList<ChatMessage> head = promptIsList ? row.GetMessages("prompt") : [new ChatMessage("user", row.GetText("prompt"))];
        return Build(row, RowKind.PromptMessages, Side("chosen"), Side("rejected"));

        Conversation Side(string field)
        {
            IReadOnlyList<ChatMessage> answer = lists ? row.GetMessages(field) : [new ChatMessage("assistant", row.GetText(field))];
            // Some sets repeat the prompt at the head of both lists; it must not be there twice. A list that begins with a user or
            // system turn beside a string prompt is such a whole conversation too.
            bool whole = answer.Take(head.Count).SequenceEqual(head) || (!promptIsList && answer[0].Role != "assistant");
            return Turns(whole ? answer : [.. head, .. answer]);
        }
    }

    private static PairRow WholeTexts(DataRow row)
    {
        string chosen = row.GetText("chosen");
        string rejected = row.GetText("rejected");
        if (Transcript.TryParse(chosen, out IReadOnlyList<ChatMessage> chosenTurns, out int chosenStart)
            && Transcript.TryParse(rejected, out IReadOnlyList<ChatMessage> rejectedTurns, out int rejectedStart))
        {
            return Build(row, RowKind.Transcripts,
                new Conversation { Messages = chosenTurns, Text = chosen, ResponseStart = chosenStart },
                new Conversation { Messages = rejectedTurns, Text = rejected, ResponseStart = rejectedStart });
        }
        int shared = TextBoundary.Before(chosen, chosen.AsSpan().CommonPrefixLength(rejected));
        return Build(row, RowKind.PlainStrings,
            new Conversation { Text = chosen, ResponseStart = shared },
            new Conversation { Text = rejected, ResponseStart = shared });
    }

    private static PairRow Shp(DataRow row)
    {
        string history = row.GetText("history");
        bool firstIsPreferred = row.GetOptionalNumber("labels") switch
        {
            1 => true,
            0 => false,
            null => throw row.Error("labels", "is missing: 1 means that human_ref_A is preferred, 0 that human_ref_B is."),
            double other => throw row.Error("labels", $"must be 1 (human_ref_A is preferred) or 0 (human_ref_B is), not {other}."),
        };
        Conversation a = Answer(history, row.GetText("human_ref_A"), BlankLine);
        Conversation b = Answer(history, row.GetText("human_ref_B"), BlankLine);
        return Build(row, RowKind.Shp, firstIsPreferred ? a : b, firstIsPreferred ? b : a);
    }

    private static Conversation Answer(string prompt, string response, string separator) => new()
    {
        Messages = [new ChatMessage("user", prompt), new ChatMessage("assistant", response)],
        Text = string.Concat(prompt, separator, response),
        ResponseStart = prompt.Length + separator.Length,
    };

    private static Conversation Turns(IReadOnlyList<ChatMessage> messages) => new() { Messages = messages };

    private static Conversation Ids(DataRow row, string field) => new() { TokenIds = row.GetTokenIds(field) };

    private static PairRow Build(DataRow row, RowKind kind, Conversation chosen, Conversation rejected)
    {
        ChatTemplateInputs? inputs = chosen.Messages is null ? null : row.GetTemplateInputs();
        double margin = row.GetOptionalNumber("margin") ?? 0;
        double weight = row.GetOptionalNumber("weight") ?? 1;
        if (weight < 0 || !float.IsFinite((float)weight))
        {
            throw row.Error("weight", $"must be at least 0 and within float32, not {weight}.");
        }
        return new PairRow
        {
            Source = row,
            Kind = kind,
            Chosen = chosen with { Inputs = inputs },
            Rejected = rejected with { Inputs = inputs },
            Margin = float.IsFinite((float)margin) ? (float)margin : throw row.Error("margin", $"must be within float32, not {margin}."),
            Weight = (float)weight,
            Domain = Label(row, "domain") ?? Label(row, "subset"),
            Subset = Label(row, "subset"),
            PostId = Label(row, "post_id"),
            ScoreRatio = row.TryGet("score_ratio", out JsonElement ratio) && ratio.ValueKind is JsonValueKind.Number or JsonValueKind.String
                ? row.GetOptionalNumber("score_ratio") : null,
        };
    }

    // A grouping column of another type belongs to someone else's scheme and is left alone.
    private static string? Label(DataRow row, string field) =>
        row.TryGet(field, out JsonElement value) && value.ValueKind is JsonValueKind.String or JsonValueKind.Number
            ? row.GetOptionalText(field) : null;
}
