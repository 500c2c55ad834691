using System.Globalization;
using System.Text.Json;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>Answers to one prompt and their order.</summary>
/// <param name="Answers">The turns of each answer.</param>
/// <param name="Ranks">A number for each, the smaller the better; equal ones are a tie.</param>
internal sealed record Ranking(IReadOnlyList<IReadOnlyList<ChatMessage>> Answers, IReadOnlyList<double> Ranks);

/// <summary>Reads ranked answers: lists of objects with a text and a rank (smaller is better) or a score (larger is better).</summary>
internal sealed class RankingReader(DataRow row, HashSet<string> used)
{
    private const int MostAnswers = 64;

    private static readonly string[] Lists = ["answers", "completions"];
    private static readonly string[] Texts = ["answer", "completion", "response", "text", "content"];
    private static readonly string[] Scores = ["score", "overall_score", "rating"];

    /// <summary>The ranking, or null when the row has none.</summary>
    public Ranking? TryRead()
    {
        string? field = Lists.FirstOrDefault(row.IsList);
        if (field is null)
        {
            return TryReadOutputs();
        }

        JsonElement list = row.GetList(field, "a list of ranked answers");
        if (list.GetArrayLength() == 0 || list.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Object))
        {
            return null;
        }

        used.Add(field);
        if (list.GetArrayLength() is < 2 or > MostAnswers)
        {
            throw row.Error(field, $"has {list.GetArrayLength()} answers; a ranking needs 2 to {MostAnswers}.");
        }

        var answers = new List<IReadOnlyList<ChatMessage>>();
        var ranks = new List<double>();
        foreach (JsonElement item in list.EnumerateArray())
        {
            string place = $"{field}[{answers.Count}]";
            answers.Add(ReadAnswer(place, item));
            ranks.Add(ReadRank(place, item));
        }

        return new Ranking(answers, ranks);
    }

    // LLaMA-Factory's older layout: the answers to an instruction in one list, the better ones first.
    private Ranking? TryReadOutputs()
    {
        const string field = "output";
        if (!row.Has("instruction") || !row.IsTextList(field))
        {
            return null;
        }

        used.Add(field);
        IReadOnlyList<string> texts = row.GetTexts(field);
        return texts.Count is >= 2 and <= MostAnswers
            ? new Ranking([.. texts.Select(text => new[] { new ChatMessage("assistant", text) })], [.. texts.Select((_, i) => (double)i)])
            : throw row.Error(field, $"has {texts.Count} answers; a ranking needs 2 to {MostAnswers}.");
    }

    private IReadOnlyList<ChatMessage> ReadAnswer(string place, JsonElement item)
    {
        foreach (string name in Texts)
        {
            if (row.TryMember(place, item, name, out JsonElement value) && value.ValueKind != JsonValueKind.Null)
            {
                string field = $"{place}.{name}";
                return value.ValueKind switch
                {
                    JsonValueKind.Array => row.ReadMessages(field, value),
                    JsonValueKind.Object => [row.ReadMessage(field, value)],
                    _ => [new ChatMessage("assistant", row.Text(field, value))],
                };
            }
        }

        throw row.Error(place, $"has no text; it is looked for as {string.Join(", ", Texts)}.");
    }

    private double ReadRank(string place, JsonElement item)
    {
        foreach ((string name, int sign) in Scores.Select(name => (name, -1)).Prepend(("rank", 1)))
        {
            if (row.TryMember(place, item, name, out JsonElement value) && value.ValueKind != JsonValueKind.Null)
            {
                string text = value.ValueKind == JsonValueKind.Number ? value.GetRawText() : row.Text($"{place}.{name}", value, "a number");
                return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
                    ? sign * number
                    : throw row.Error($"{place}.{name}", "must be a finite number.");
            }
        }

        throw row.Error(place, $"has neither a rank nor a score ({string.Join(", ", Scores)}).");
    }
}
