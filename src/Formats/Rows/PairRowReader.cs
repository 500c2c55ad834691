using System.Text.Json;
using Rm.Formats.Text;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>Reads the pairs of one row, and keeps account of the columns that it takes.</summary>
internal sealed class PairRowReader
{
    private readonly DataRow _source;
    private readonly DataRow _row; // without ignored columns, messages as lists
    private readonly PromptReader _prompt;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    public PairRowReader(DataRow row, RowColumns columns)
    {
        _source = row;
        _row = MessageTexts.Open(columns.Ignored is { Count: > 0 } ignored ? row.Without(ignored) : row, columns);
        _prompt = new PromptReader(_row, columns, _used);
    }

    /// <summary>The pairs, or null when the columns are not those of a pair.</summary>
    public IReadOnlyList<PairRow>? TryRead()
    {
        if (Named(PairColumns.Ids) is [var chosenIds, var rejectedIds])
        {
            return [Build(RowKind.TokenIds, Ids(chosenIds), Ids(rejectedIds))];
        }

        if (Has("human_ref_A", "human_ref_B"))
        {
            return [Shp()];
        }

        if (_row.IsList("messages") && !_row.Has("chosen") && (_row.Has("rejected_response") || _row.IsList("rejected_messages")))
        {
            return MessagesAndRejected();
        }

        if (Named(PairColumns.Sides) is [var chosen, var rejected])
        {
            return Sides(chosen, rejected);
        }

        return Comparison() is { } pair ? [pair] : new RankingReader(_row, _used).TryRead() is { } ranking ? Ranked(ranking) : null;
    }

    private List<PairRow> Sides(string chosenField, string rejectedField)
    {
        _used.UnionWith([chosenField, rejectedField]);
        bool lists = IsMessages(chosenField);
        if (!lists && _row.IsTextList(rejectedField))
        {
            string preferred = _row.GetText(chosenField);
            List<PairRow> pairs = [.. Others(rejectedField).Select(other => Strings(preferred, other))];

            // One answer beside others: all pairs have the same.
            return [.. pairs.Select(pair => pair with { Chosen = pairs[0].Chosen })];
        }

        if (lists != IsMessages(rejectedField))
        {
            throw _row.Error(rejectedField, $"'{chosenField}' and '{rejectedField}' must both be strings or both be message lists.");
        }

        return [lists ? Lists(Messages(chosenField), Messages(rejectedField))
            : Strings(_row.GetText(chosenField), _row.GetText(rejectedField))];
    }

    private PairRow Strings(string chosen, string rejected)
    {
        if (_prompt.TryReadPlain() is { } prompt)
        {
            return Build(RowKind.PromptStrings, Answer(prompt, chosen, ""), Answer(prompt, rejected, ""));
        }

        if (!_prompt.HasPrompt || _prompt.Read() is not { } head)
        {
            return WholeTexts(chosen, rejected);
        }

        CheckOpen(head);
        RowKind kind = _prompt.Column == "prompt" && _prompt.SystemColumn is null ? RowKind.PromptMessages : RowKind.PromptColumns;
        return Build(
            kind, Turns([.. head, new ChatMessage("assistant", chosen)]), Turns([.. head, new ChatMessage("assistant", rejected)]));
    }

    // Lists that begin with a user or system turn are whole conversations; others are answers to the prompt of other columns.
    private PairRow Lists(IReadOnlyList<ChatMessage> chosen, IReadOnlyList<ChatMessage> rejected)
    {
        bool whole = chosen[0].Role != "assistant" && rejected[0].Role != "assistant";
        IReadOnlyList<ChatMessage> head = _prompt.ReadBeside(whole);
        if (!whole)
        {
            CheckOpen(head);
        }

        IReadOnlyList<ChatMessage> Side(IReadOnlyList<ChatMessage> answer) => _prompt.WithSystem(Joined(head, answer));
        return Build(
            _prompt.Column is null && _prompt.SystemColumn is null ? RowKind.MessageLists
                : _prompt.Column is null or "prompt" ? RowKind.PromptMessages : RowKind.PromptColumns,
            Turns(Side(chosen)), Turns(Side(rejected)));
    }

    // A conversation that is answered already cannot be a prompt; a list in `prompt` may begin the answer, as TRL allows.
    private void CheckOpen(IReadOnlyList<ChatMessage> head)
    {
        if (_prompt.Column is { } column and not "prompt" && head.Count > 0 && head[^1].Role == "assistant")
        {
            throw _row.Error(
                column, "ends in an assistant turn, but the two answers come after it. Take that turn out, or put it into the answers.");
        }
    }

    // Some sets repeat the prompt at the head of both lists; it must not be there twice.
    private IReadOnlyList<ChatMessage> Joined(IReadOnlyList<ChatMessage> head, IReadOnlyList<ChatMessage> answer)
    {
        bool repeats = answer.Take(head.Count).SequenceEqual(head) || (_prompt.IsText && answer[0].Role != "assistant");
        return repeats ? answer : [.. head, .. answer];
    }

    private PairRow WholeTexts(string chosen, string rejected)
    {
        if (Transcript.TryParse(chosen, out IReadOnlyList<ChatMessage> chosenTurns, out int chosenStart)
            && Transcript.TryParse(rejected, out IReadOnlyList<ChatMessage> rejectedTurns, out int rejectedStart))
        {
            Conversation Side(IReadOnlyList<ChatMessage> turns, string text, int start) =>
                _prompt.WithSystem(turns) is var all && all.Count > turns.Count
                ? Turns(all)
                : new Conversation { Messages = turns, Text = text, ResponseStart = start };
            return Build(RowKind.Transcripts, Side(chosenTurns, chosen, chosenStart), Side(rejectedTurns, rejected, rejectedStart));
        }

        if (_prompt.WithSystem([]).Count > 0)
        {
            throw _row.Error(_prompt.SystemColumn!, "is a system turn beside whole texts, which have no turns that it could be put before. "
                + $"Name the prompt's column with --prompt-column, or leave it out with --ignore-columns {_prompt.SystemColumn}.");
        }

        int shared = TextBoundary.Before(chosen, chosen.AsSpan().CommonPrefixLength(rejected));
        return Build(RowKind.PlainStrings,
            new Conversation { Text = chosen, ResponseStart = shared },
            new Conversation { Text = rejected, ResponseStart = shared });
    }

    private PairRow Shp()
    {
        _used.UnionWith(["history", "human_ref_A", "human_ref_B"]);
        string history = _row.GetText("history");
        bool firstIsPreferred = _row.GetOptionalNumber("labels") switch
        {
            1 => true,
            0 => false,
            null => throw _row.Error("labels", "is missing: 1 means that human_ref_A is preferred, 0 that human_ref_B is."),
            double other => throw _row.Error("labels", $"must be 1 (human_ref_A is preferred) or 0 (human_ref_B is), not {other}."),
        };
        Conversation a = Answer(history, _row.GetText("human_ref_A"), PairRowParser.BlankLine);
        Conversation b = Answer(history, _row.GetText("human_ref_B"), PairRowParser.BlankLine);
        return Build(RowKind.Shp, firstIsPreferred ? a : b, firstIsPreferred ? b : a);
    }

    // ms-swift: messages end in the preferred answer; the other one, or each of several, replaces all after the last user turn.
    private List<PairRow> MessagesAndRejected()
    {
        _used.UnionWith(["messages", "rejected_response", "rejected_messages"]);
        IReadOnlyList<ChatMessage> chosen = _prompt.WithSystem(_row.GetMessages("messages"));
        if (_row.IsList("rejected_messages"))
        {
            return [Build(RowKind.MessageLists, Turns(chosen), Turns(_prompt.WithSystem(_row.GetMessages("rejected_messages"))))];
        }

        int prompt = chosen.Count;
        while (prompt > 0 && chosen[prompt - 1].Role is not ("user" or "system"))
        {
            prompt--;
        }

        if (prompt == chosen.Count)
        {
            throw _row.Error("messages", "ends in no answer; its last turns must be the preferred one.");
        }

        const string field = "rejected_response";
        return [.. (_row.IsList(field) ? Others(field) : [_row.GetText(field)]).Select(other =>
            Build(RowKind.MessageLists, Turns(chosen), Turns([.. chosen.Take(prompt), new ChatMessage("assistant", other)])))];
    }

    private IReadOnlyList<string> Others(string field) => _row.GetTexts(field) is { Count: > 0 } others
        ? others
        : throw _row.Error(field, "is an empty list; a pair needs both of its sides.");

    // Two responses and a column that says which is better, or that neither is.
    private PairRow? Comparison()
    {
        (string First, string Second, string Preference, Func<string, double> Better)? layout =
            Has("response_0", "response_1") && _row.Has("better_response_id") ? ("response_0", "response_1", "better_response_id", BetterId)
            : Has("response1", "response2") && _row.Has("overall_preference") ? ("response1", "response2", "overall_preference", Strength)
            : Has("response_1", "response_2") && _row.Has("preference_strength")
                ? ("response_1", "response_2", "preference_strength", Strength)
            : Has("conversation_a", "conversation_b") && _row.Has("winner") ? ("conversation_a", "conversation_b", "winner", Winner)
            : null;
        if (layout is not var (first, second, preference, better))
        {
            return null;
        }

        _used.Add(preference);
        double sign = better(preference);
        PairRow pair = (sign > 0 ? Sides(second, first) : Sides(first, second))[0];
        return pair with { Kind = RowKind.Comparison, HasNoPreference = sign == 0 };
    }

    // Below 0: the first is better.
    private double Strength(string field) =>
        _row.GetOptionalNumber(field)
        ?? throw _row.Error(field, "must be a number: below 0 the first response is better, above 0 the second, 0 is a tie.");

    private double BetterId(string field) => _row.GetOptionalNumber(field) switch
    {
        0 => -1,
        1 => 1,
        var other => throw _row.Error(field, $"must be 0 or 1, the number of the better response, not {other}."),
    };

    private double Winner(string field)
    {
        string winner = _row.GetText(field);
        return winner switch
        {
            "model_a" or "a" or "A" => -1,
            "model_b" or "b" or "B" => 1,
            _ when winner.StartsWith("tie", StringComparison.Ordinal) => 0,
            _ => throw _row.Error(field, $"must be model_a, model_b or a tie, not '{winner}'."),
        };
    }

    private List<PairRow> Ranked(Ranking ranking)
    {
        IReadOnlyList<ChatMessage> head = _prompt.Read(transcripts: true)
            ?? throw _row.Error(
                $"ranks answers without a prompt. The row has {Names.List(_row.ColumnNames)}; name the prompt's with --prompt-column.");
        var sides = ranking.Answers.Select(answer => Turns(_prompt.WithSystem(Joined(head, answer)))).ToList();
        List<PairRow> pairs = [];
        for (int better = 0; better < sides.Count; better++)
        {
            for (int worse = 0; worse < sides.Count; worse++)
            {
                if (ranking.Ranks[better] < ranking.Ranks[worse])
                {
                    pairs.Add(Build(RowKind.Ranking, sides[better], sides[worse]));
                }
            }
        }

        return pairs.Count > 0 ? pairs : [Build(RowKind.Ranking, sides[0], sides[^1]) with { HasNoPreference = true }];
    }

    private PairRow Build(RowKind kind, Conversation chosen, Conversation rejected)
    {
        ChatTemplateInputs? inputs = chosen.Messages is null ? null : _row.GetTemplateInputs();
        double margin = _row.GetOptionalNumber("margin") ?? 0;
        double weight = _row.GetOptionalNumber("weight") ?? 1;
        if (weight < 0 || !float.IsFinite((float)weight))
        {
            throw _row.Error("weight", $"must be at least 0 and within float32, not {weight}.");
        }

        return new PairRow
        {
            Source = _source,
            Kind = kind,
            Chosen = chosen with { Inputs = inputs },
            Rejected = rejected with { Inputs = inputs },
            Unread = UnreadColumns.Of(_row, _used, kind, chosen, rejected),
            Margin = float.IsFinite((float)margin) ? (float)margin : throw _row.Error("margin", $"must be within float32, not {margin}."),
            Weight = (float)weight,
            Domain = Label("domain") ?? Label("subset"),
            Subset = Label("subset"),
            PostId = Label("post_id"),
            ScoreRatio = _row.TryGet("score_ratio", out JsonElement ratio)
                && ratio.ValueKind is JsonValueKind.Number or JsonValueKind.String
                ? _row.GetOptionalNumber("score_ratio") : null,
        };
    }

    // A grouping column of another type belongs to someone else's scheme and is left alone.
    private string? Label(string field) =>
        _row.TryGet(field, out JsonElement value) && value.ValueKind is JsonValueKind.String or JsonValueKind.Number
            ? _row.GetOptionalText(field) : null;

    // The first pair of names that the row has both of.
    private string[]? Named(string[][] names) => Array.Find(names, pair => Has(pair[0], pair[1]));

    private bool Has(string first, string second) => _row.Has(first) && _row.Has(second);

    // A list of messages, or one message as LLaMA-Factory writes an answer.
    private bool IsMessages(string field) => _row.IsList(field) || _row.IsObject(field);

    private IReadOnlyList<ChatMessage> Messages(string field) =>
        _row.TryGet(field, out JsonElement value) && value.ValueKind == JsonValueKind.Object
        ? [_row.ReadMessage(field, value)]
        : _row.GetMessages(field);

    private Conversation Ids(string field)
    {
        _used.Add(field);
        return new Conversation { TokenIds = _row.GetTokenIds(field) };
    }

    private static Conversation Turns(IReadOnlyList<ChatMessage> messages) => new() { Messages = messages };

    private static Conversation Answer(string prompt, string response, string separator) => new()
    {
        Messages = [new ChatMessage("user", prompt), new ChatMessage("assistant", response)],
        Text = string.Concat(prompt, separator, response),
        ResponseStart = prompt.Length + separator.Length,
    };
}
