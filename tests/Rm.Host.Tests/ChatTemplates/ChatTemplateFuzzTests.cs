using System.Globalization;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.ChatTemplates;

namespace Rm.Host.Tests.ChatTemplates;

/// <summary>Mutated templates: whatever they are, they render or are refused with <see cref="UserInputException"/>.</summary>
public class ChatTemplateFuzzTests
{
    private static readonly string[] Pieces =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "(", ")", "[", "]", "{", "}", "|", "~", "**", "//", "%", "*", "'", "\"", "\\", "\n",
        " ",
        " if ", " else ", " in ", " not ", " is ", " and ", " or ", "for", "endfor", "set", "endset", "macro", "endmacro", "call", "loop",
        "range(99999)",
        "'x'*99999", "10**99", "messages", ".append", ".__class__", "|tojson", "|list", "|map('upper')", "|sort", "|join", "|int",
        "[::-1]", "[1:]",
        "namespace()", "none", "true", "9999999999999999999", "1e308", "-0.0", "\uD800", "👍", "\0", "%s", ".format(", ".split(",
        "|format(", "|round(9)",
    ];

    [Fact]
    public void A_mutated_template_renders_or_is_refused()
    {
        int iterations = int.Parse(Environment.GetEnvironmentVariable("BTRM_FUZZ_ITERATIONS") ?? "20000", CultureInfo.InvariantCulture);
        int seed = int.Parse(Environment.GetEnvironmentVariable("BTRM_FUZZ_SEED") ?? "20240705", CultureInfo.InvariantCulture);
        List<string> corpus = Corpus();
        using var messages = JsonDocument.Parse("""
            [{"role": "system", "content": "s"}, {"role": "user", "content": " hi\n"}, {"role": "assistant", "content": null, "tool_calls": [{"name": "f", "arguments": {"x": [1, 2.5]}}]}]
            """);
        using var variables = JsonDocument.Parse("""{"n": 7, "s": "Hello", "l": [3, 1, 2], "d": {"a": 1}, "t": true, "words": ["b", "A"], "users": [{"name": "ann", "age": 30}]}""");
        var settings = new ChatTemplateSettings(
            new Dictionary<string, string> { ["bos_token"] = "<s>" }, new DateTime(2024, 1, 1),
            variables.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value));
        int rendered = 0;
        for (int i = 0; i < iterations; i++)
        {
            var random = new Random(seed + i);
            string source = Mutate(random, corpus);
            try
            {
                ChatTemplate.Parse(source, settings).Render(messages.RootElement, random.Next(2) == 0);
                rendered++;
            }
            catch (UserInputException)
            {
                // Refused, as a broken template should be.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed + i}: {e.GetType().Name} from {JsonEncodedText.Encode(source)}\n{e}");
            }
        }

        // A mutation that never leaves a template intact would test the lexer alone.
        Assert.InRange(rendered, iterations / 20, iterations);
    }

    private static List<string> Corpus()
    {
        var corpus = File.ReadLines(Path.Combine(TestPaths.Golden, "template", "snippets.jsonl")).Select(line =>
        {
            using var row = JsonDocument.Parse(line);
            return row.RootElement.GetProperty("template").GetString()!;
        }).ToList();
        foreach (string? family in new[] { "qwen2.5", "llama3", "qwen3" })
        {
            using var config =
                JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestPaths.Golden, "tokenizers", family, "tokenizer_config.json")));
            corpus.AddRange(Enumerable.Repeat(config.RootElement.GetProperty("chat_template").GetString()!, 20));
        }

        return corpus;
    }

    private static string Mutate(Random random, List<string> corpus)
    {
        string text = corpus[random.Next(corpus.Count)];
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(text.Length + 1);
            int length = Math.Min(random.Next(1, 12), text.Length - at);
            string other = corpus[random.Next(corpus.Count)];
            int from = random.Next(other.Length + 1);
            text = random.Next(6) switch
            {
                0 => text.Remove(at, length),
                1 => text.Insert(at, text.Substring(at, length)),
                2 => text.Insert(at, Pieces[random.Next(Pieces.Length)]),
                3 => text.Remove(at, length).Insert(at, Pieces[random.Next(Pieces.Length)]),
                4 => text.Insert(at, other.Substring(from, Math.Min(random.Next(1, 30), other.Length - from))),
                _ => text + other,
            };
        }

        return text;
    }
}
