using Rm.Formats.Tokenization;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>Pairs of texts to score: one query with many documents, or as many of each.</summary>
internal sealed class PairForm
{
    private PairForm(IReadOnlyList<string> queries, IReadOnlyList<string> documents) => (Queries, Documents) = (queries, documents);

    /// <summary>First texts.</summary>
    public IReadOnlyList<string> Queries { get; }

    /// <summary>Second texts.</summary>
    public IReadOnlyList<string> Documents { get; }

    /// <summary>The fields of a /score request, by any of their four pairs of names.</summary>
    public static PairForm ReadScore(JsonMap body)
    {
        (string First, string Second)[] names =
            [("queries", "documents"), ("queries", "items"), ("data_1", "data_2"), ("text_1", "text_2")];
        foreach ((string first, string second) in names)
        {
            if (IsTexts(body, first) && IsTexts(body, second))
            {
                return new PairForm(Texts(body, first), Texts(body, second));
            }
        }

        string fault = IsTexts(body, "queries") ? "documents" : "queries";
        throw RequestFields.Fault($"body.{fault}", body.ContainsKey(fault) ? "Input should be a valid string" : "Field required");
    }

    /// <summary>The fields of a /rerank request.</summary>
    public static PairForm ReadRerank(JsonMap body)
    {
        foreach (string field in new[] { "query", "documents" })
        {
            bool valid = field == "query" ? IsText(body.Get(field)) : IsTexts(body, field);
            if (!valid)
            {
                throw RequestFields.Fault($"body.{field}", body.ContainsKey(field) ? "Input should be a valid string" : "Field required");
            }
        }

        return new PairForm(Texts(body, "query"), Texts(body, "documents"));
    }

    /// <summary>The ids of every pair.</summary>
    /// <param name="model">Model.</param>
    /// <param name="fields">Truncation.</param>
    /// <param name="mostOfQuery">Tokens of a query; 0 for all.</param>
    /// <param name="mostOfDocument">Tokens of a document; 0 for all.</param>
    public IReadOnlyList<int[]> Tokenize(ServedModel model, CommonFields fields, long mostOfQuery, long mostOfDocument)
    {
        if (Queries.Count == 0)
        {
            throw RequestFields.Refusal("At least one text element must be given");
        }

        if (Documents.Count == 0)
        {
            throw RequestFields.Refusal("At least one text_pair element must be given");
        }

        if (Queries.Count > 1 && Queries.Count != Documents.Count)
        {
            throw RequestFields.Refusal("Input lengths must be either 1:1, 1:N or N:N");
        }

        Tokenizer tokenizer = model.RequireTokenizer();
        int? limit = fields.Limit(model);
        int[][] queries = Cut(Truncation.Plain(tokenizer, Queries), mostOfQuery);
        int[][] documents = Cut(Truncation.Plain(tokenizer, Documents), mostOfDocument);
        return [.. documents.Select((document, i) =>
            Truncation.EncodePair(tokenizer, queries.Length == 1 ? queries[0] : queries[i], document, limit, fields.KeepEnd))];
    }

    private static int[][] Cut(int[][] texts, long most) =>
        most <= 0 ? texts : [.. texts.Select(ids => Truncation.Cut(ids, (int)Math.Min(most, int.MaxValue), keepEnd: false))];

    // An object with content stands for pictures and sounds; it is valid in form.
    private static bool IsText(object? value) => value is string || (value is JsonMap map && map.Get("content") is List<object?>);

    private static bool IsTexts(JsonMap body, string name) =>
        body.Get(name) is { } value && (IsText(value) || (value is List<object?> list && list.TrueForAll(IsText)));

    private static IReadOnlyList<string> Texts(JsonMap body, string name) =>
        body.Get(name) is List<object?> list ? [.. list.Select(Text)] : [Text(body.Get(name))];

    private static string Text(object? value) =>
        value is string text
            ? RequestFields.Encodable(text)
            : throw RequestFields.Refusal("MultiModalParam is not supported: the model reads texts only.");
}
