using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;
using Rm.Host.Tests.Tokenization;
using Rm.Training.Artifacts;

namespace Rm.Host.Tests.Data;

/// <summary>
/// What btrm makes of rows whose result in other tools was recorded (tests/golden/rows-by-tool), held against the table of docs/data.md:
/// every row has its line, and the line says what happens.
/// </summary>
public sealed class RowsByToolTests
{
    private static readonly string Folder = Path.Combine(TestPaths.Golden, "rows-by-tool");

    public static TheoryData<string> Files =>
        [.. Directory.GetFiles(Folder, "*.json").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void The_table_has_every_row_and_what_becomes_of_it(string file)
    {
        string tool = Path.GetFileNameWithoutExtension(file).Replace("-files", ", files", StringComparison.Ordinal);
        JsonElement root = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, file))).RootElement;
        string[] expected = [.. root.GetProperty("rows").EnumerateArray().Select(row =>
            $"| {tool} | {row.GetProperty("name").GetString()} | {There(row)} | {Here(tool, row)} |")];
        string[] told = [.. File.ReadLines(Path.Combine(TestPaths.Repository, "docs", "data.md"))
            .Where(line => line.StartsWith($"| {tool} | ", StringComparison.Ordinal))];
        Assert.Equal(expected, told.Select(line => string.Join('|', line.Split('|')[..5]) + "|"));

        // What is not the same has a reason.
        Assert.All(told, line => Assert.True(
            line.Split(" | ") is [_, _, _, var here, var why]
                && (here.Contains("same", StringComparison.Ordinal) || why.Trim('|', ' ').Length > 3),
            line));
    }

    private static string There(JsonElement row)
    {
        if (row.TryGetProperty("changed", out JsonElement changed))
        {
            // Whether the rows that `datasets` gives back are those that it got, by the way in.
            int failed = row.GetProperty("failed").GetArrayLength(), kinds = changed.GetArrayLength();
            return kinds + failed == 0 ? "keeps them" : $"changes them{(failed > 0 ? ", or fails" : "")}";
        }

        if (row.TryGetProperty("file", out _))
        {
            return row.TryGetProperty("rows_kept", out JsonElement kept) && kept.ValueKind == JsonValueKind.Number
                ? Kept(kept.GetInt32(), row.GetProperty("file"))
                : "fails";
        }

        return row.GetProperty("rendered_chosen").ValueKind != JsonValueKind.Null ? "reads"
            : row.GetProperty("note").GetString()!.StartsWith("raised", StringComparison.Ordinal) ? "fails" : "drops";
    }

    private static string Here(string tool, JsonElement row)
    {
        JsonElement rows = row.TryGetProperty("file", out JsonElement file) ? file : row.GetProperty("row");
        if (rows.ValueKind == JsonValueKind.Array)
        {
            try
            {
                return Kept(rows.EnumerateArray().Sum(one => Pairs(tool, one, row, true).Count(read => read.Pair is not null)), rows);
            }
            catch (UserInputException)
            {
                return "error";
            }
        }

        string outcome = Outcome(tool, row, withTemplate: true);
        return outcome == "same" || Outcome(tool, row, withTemplate: false) != "same" ? outcome : "same, --no-chat-template";
    }

    private static string Outcome(string tool, JsonElement row, bool withTemplate)
    {
        JsonElement given = row.GetProperty("row");
        TokenizedRow read;
        try
        {
            read = Assert.Single(Pairs(tool, given, row, withTemplate));
        }
        catch (UserInputException e)
        {
            Assert.Contains("rows.jsonl", e.Message, StringComparison.Ordinal);
            return "error";
        }

        if (read.Pair is not { } pair)
        {
            return $"drops: {read.Dropped}";
        }

        double margin = given.TryGetProperty("margin", out JsonElement m) && m.ValueKind == JsonValueKind.Number ? m.GetDouble() : 0;
        Assert.Equal(margin, pair.Margin, 1e-6);
        Tokenizer tokenizer = TokenizerOf(row);
        return row.GetProperty("rendered_chosen").ValueKind == JsonValueKind.Null ? "reads"
            : tokenizer.Decode(pair.Chosen) == row.GetProperty("rendered_chosen").GetString()
                && tokenizer.Decode(pair.Rejected) == row.GetProperty("rendered_rejected").GetString() ? "same" : "another text";
    }

    private static IReadOnlyList<TokenizedRow> Pairs(string tool, JsonElement row, JsonElement about, bool withTemplate)
    {
        Tokenizer tokenizer = TokenizerOf(about);
        int most = new[] { "max_len", "max_length", "cutoff_len" }.Select(name => Option(about, name))
            .Where(value => value.ValueKind == JsonValueKind.Number).Select(value => value.GetInt32()).FirstOrDefault();
        TruncationMode truncation = tool.StartsWith("trl", StringComparison.Ordinal) ? TruncationMode.Drop
            : Text(about, "truncation_strategy") == "left" ? TruncationMode.PromptLeft : TruncationMode.Response;
        var pairs = new PairTokenizer(
            tokenizer, ModelSource.TemplateOf(tokenizer), new TextOptions(withTemplate, MaxSeqLen: most, Truncation: truncation));
        return pairs.TokenizeAll(PairRowParser.ParseAll(Rows.Row(row.GetRawText()), RowColumns.None), 0, cutAlike: false);
    }

    private static Tokenizer TokenizerOf(JsonElement row)
    {
        bool isQwen3 = Text(row, "template")?.StartsWith("qwen3", StringComparison.Ordinal) ?? false;
        return TestTokenizers.Load(Text(row, "tokenizer") ?? (isQwen3 ? "qwen3" : "qwen2.5"));
    }

    private static string? Text(JsonElement row, string option) =>
        Option(row, option) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static JsonElement Option(JsonElement row, string option) =>
        row.TryGetProperty("options", out JsonElement options) && options.TryGetProperty(option, out JsonElement value) ? value : default;

    private static string Kept(int kept, JsonElement rows) => $"keeps {kept} of {rows.GetArrayLength()}";
}
