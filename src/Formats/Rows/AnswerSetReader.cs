using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>
/// Reads the rows of reward-model benchmarks. Every method throws <see cref="UserInputException"/> that names file, line and field.
/// </summary>
public static class AnswerSetReader
{
    /// <summary>A pair of any kind with a column <c>subset</c> (RewardBench).</summary>
    public static AnswerSet ReadPair(DataRow row, RowColumns columns)
    {
        PairRow pair = PairRowParser.ParseAll(row, columns) is [var only]
            ? only
            : throw row.Error("makes several pairs; a benchmark's row is one.");
        return new AnswerSet
        {
            Source = row,
            Id = Id(row, "id"),
            Subset = pair.Subset ?? throw row.Error("subset", "is missing; scores are by subset."),
            Answers = [pair.Chosen, pair.Rejected],
            Correct = 1,
        };
    }

    /// <summary>
    /// A <c>prompt</c> with lists of right and wrong answers, <c>chosen</c> and <c>rejected</c> (RewardBench 2, RM-Bench).
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="subset">Column that it is scored by.</param>
    /// <param name="count">How many answers either list must have; 0 for any number, also none on one side.</param>
    public static AnswerSet ReadLists(DataRow row, string subset, int count)
    {
        string[] right = Texts(row, "chosen", count), wrong = Texts(row, "rejected", count);
        string[] texts = [.. right, .. wrong];
        if (texts.Length < 2)
        {
            throw row.Error("chosen", $"and 'rejected' hold {texts.Length} answers together; at least two are compared.");
        }

        if (row.GetOptionalNumber("num_correct") is { } stated && stated != right.Length)
        {
            throw row.Error("num_correct", $"is {stated}, but 'chosen' has {right.Length} answers.");
        }

        return new AnswerSet
        {
            Source = row,
            Id = Id(row, "id"),
            Subset = row.GetText(subset),
            Answers = [.. texts.Select(text => Answer(row, "prompt", text))],
            Correct = right.Length,
        };
    }

    /// <summary><c>question</c>, <c>response_A</c>, <c>response_B</c> and a <c>label</c>, A&gt;B or B&gt;A (JudgeBench).</summary>
    public static AnswerSet ReadLabelled(DataRow row)
    {
        string label = row.GetText("label");
        (string right, string wrong) = label switch
        {
            "A>B" => ("response_A", "response_B"),
            "B>A" => ("response_B", "response_A"),
            _ => throw row.Error("label", $"must be A>B or B>A, not '{label}'."),
        };
        return new AnswerSet
        {
            Source = row,
            Id = Id(row, "pair_id"),
            Subset = row.GetText("source"),
            Answers = [Answer(row, "question", row.GetText(right)), Answer(row, "question", row.GetText(wrong))],
            Correct = 1,
        };
    }

    private static string Id(DataRow row, string field) => row.Has(field) ? row.GetOptionalText(field)! : $"{row.Line}";

    private static string[] Texts(DataRow row, string field, int count)
    {
        string[] texts = row.IsList(field)
            ? [.. row.GetList(field, "a list of answers").EnumerateArray().Select((text, i) => row.Text($"{field}[{i}]", text))]
            : [row.GetText(field)];
        return count == 0 || texts.Length == count
            ? texts
            : throw row.Error(field, $"has {texts.Length} answers; this benchmark has {count}.");
    }

    private static Conversation Answer(DataRow row, string field, string answer)
    {
        if (row.IsList(field))
        {
            return new Conversation { Messages = [.. row.GetMessages(field), new ChatMessage("assistant", answer)] };
        }

        string prompt = row.GetText(field);
        return new Conversation
        {
            Messages = [new ChatMessage("user", prompt), new ChatMessage("assistant", answer)],
            Text = prompt + answer,
            ResponseStart = prompt.Length,
        };
    }
}
