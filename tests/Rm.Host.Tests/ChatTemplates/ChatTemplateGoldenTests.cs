using System.Text.Json;
using Rm.Formats;
using Rm.Formats.ChatTemplates;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.ChatTemplates;

/// <summary>Renderings by Hugging Face transformers: the templates of three model families, and small snippets of every feature.</summary>
public class ChatTemplateGoldenTests
{
    [Theory]
    [InlineData("qwen2.5", 22)]
    [InlineData("llama3", 22)]
    [InlineData("qwen3", 22)]
    [InlineData("smollm2", 10)]
    public void Renders_conversations_like_transformers(string family, int expectedRows)
    {
        using var config =
            JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestPaths.Golden, "tokenizers", family, "tokenizer_config.json")));
        var tokens = config.RootElement.EnumerateObject()
            .Where(p => p.Name.EndsWith("_token", StringComparison.Ordinal) && p.Value.ValueKind == JsonValueKind.String)
            .ToDictionary(p => p.Name, p => p.Value.GetString()!);
        var template = ChatTemplate.Parse(
            config.RootElement.GetProperty("chat_template").GetString()!, new ChatTemplateSettings(SpecialTokens: tokens));
        int rows = 0;
        foreach (string line in File.ReadLines(Path.Combine(TestPaths.Golden, "template", family + ".jsonl")))
        {
            using var row = JsonDocument.Parse(line);
            JsonElement messages = row.RootElement.GetProperty("messages");
            var turns = messages.EnumerateArray()
                .Select(m => new ChatMessage(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!)).ToList();
            bool prompt = row.RootElement.GetProperty("add_generation_prompt").GetBoolean();
            if (row.RootElement.TryGetProperty("error", out _))
            {
                Assert.Throws<UserInputException>(() => template.Render(turns, prompt));
            }
            else
            {
                Assert.Equal(row.RootElement.GetProperty("text").GetString(), template.Render(turns, prompt));
                Assert.Equal(row.RootElement.GetProperty("text").GetString(), template.Render(messages, prompt));
            }

            rows++;
        }

        Assert.Equal(expectedRows, rows);
    }

    [Fact]
    public void Renders_snippets_like_transformers()
    {
        var failures = new List<string>();
        int rows = 0;
        foreach (string line in File.ReadLines(Path.Combine(TestPaths.Golden, "template", "snippets.jsonl")))
        {
            using var row = JsonDocument.Parse(line);
            string source = row.RootElement.GetProperty("template").GetString()!;
            string? expected = row.RootElement.TryGetProperty("text", out JsonElement text) ? text.GetString() : null;
            string? actual;
            string? message = null;
            try
            {
                actual = Render(source, row.RootElement.GetProperty("context"));
            }
            catch (UserInputException e)
            {
                (actual, message) = (null, e.Message);
            }

            if (actual != expected)
            {
                failures.Add($"{JsonEncodedText.Encode(source)}\n   expected {Show(expected, row.RootElement)}\n   actual   "
                    + (actual is null ? $"error {message}" : Show(actual, row.RootElement)));
            }

            rows++;
        }

        Assert.True(failures.Count == 0, $"{failures.Count} of {rows} snippets differ:\n{string.Join('\n', failures)}");
        Assert.True(rows >= 200);
    }

    private static string Render(string source, JsonElement context)
    {
        var variables = context.EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
        var settings = new ChatTemplateSettings(Now: new DateTime(2024, 7, 5, 9, 3, 8), Variables: variables);
        return ChatTemplate.Parse(source, settings).RenderVariables();
    }

    private static string Show(string? text, JsonElement row) =>
        text is null ? $"error {row.GetProperty("error").GetString()}" : $"\"{JsonEncodedText.Encode(text)}\"";
}
