using System.Text.Json;
using Rm.Formats;
using Rm.Formats.ChatTemplates;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.ChatTemplates;

/// <summary>What the golden rows cannot say: messages, places, settings and threads.</summary>
public class ChatTemplateTests
{
    private static readonly ChatMessage[] Chat = [new("user", "hi"), new("assistant", "ho")];

    [Theory]
    [InlineData("a\n  {{ b c }}", "line 2, column 8")]
    [InlineData("{% if a %}\n{% elif %}", "line 2, column 9")]
    [InlineData("a\r\nb\r\n{{ 'open }}", "line 3, column 4")]
    [InlineData("{% for x in y %}\n\n", "line 2, column 1")]
    [InlineData("\n\n{# c", "line 3, column 1")]
    [InlineData("{{ a | nosuch }}", "line 1, column 8")]
    [InlineData("{% include 'file' %}", "line 1, column 4")]
    public void A_syntax_error_names_line_and_column(string source, string place)
    {
        UserInputException error = Assert.Throws<UserInputException>(() => ChatTemplate.Parse(source));
        Assert.Contains(place, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_while_rendering_names_the_line()
    {
        var template = ChatTemplate.Parse("{% macro m(x) %}\n{{ x.y.z }}\n{% endmacro %}\n{{ m(1) }}");
        UserInputException error = Assert.Throws<UserInputException>(() => template.Render(Chat, false));
        Assert.Contains("line 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("'int object' has no attribute 'y'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_conversation_gives_the_templates_message()
    {
        var template = ChatTemplate.Parse("{{ raise_exception('roles must alternate, got ' ~ messages[0].role) }}");
        UserInputException error = Assert.Throws<UserInputException>(() => template.Render(Chat, false));
        Assert.Contains("roles must alternate, got user", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Special_tokens_and_variables_are_there_and_absent_tokens_undefined()
    {
        using var variables = JsonDocument.Parse("""{"enable_thinking": false, "eos_token": "<mine>"}""");
        var settings = new ChatTemplateSettings(
            new Dictionary<string, string> { ["bos_token"] = "<s>", ["eos_token"] = "</s>" },
            Variables: variables.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value));
        const string Source =
            "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ enable_thinking is false }}{{ tools }}{{ add_generation_prompt }}";
        Assert.Equal("<s><mine>FalseTrueNoneTrue", ChatTemplate.Parse(Source, settings).Render(Chat, true));
    }

    [Fact]
    public void The_clock_is_fixed_or_the_present()
    {
        const string Source = "{{ strftime_now('%d %b %Y') }}";
        Assert.Equal(
            "26 Jul 2024", ChatTemplate.Parse(Source, new ChatTemplateSettings(Now: new DateTime(2024, 7, 26))).Render(Chat, false));
        int before = DateTime.Now.Year;
        int year = int.Parse(ChatTemplate.Parse("{{ strftime_now('%Y') }}").Render(Chat, false), null);
        Assert.InRange(year, before, DateTime.Now.Year);
    }

    [Fact]
    public void Messages_may_have_any_fields()
    {
        using var messages = JsonDocument.Parse("""[{"role": "user", "content": [{"type": "text", "text": "a"}], "n": 1.0, "big": 123456789012345678901}]""");
        var template = ChatTemplate.Parse("{% for m in messages %}{{ m.content[0].text }}{{ m.n }}{{ m.big + 1 }}{{ m }}{% endfor %}");
        Assert.Equal(
            "a1.0123456789012345678902{'role': 'user', 'content': [{'type': 'text', 'text': 'a'}], 'n': 1.0, 'big': 123456789012345678901}",
            template.Render(messages.RootElement, false));
    }

    [Theory]
    [InlineData("""{"role": "user"}""")]
    [InlineData("""[{"role": "\ud800"}]""")]
    public void Bad_message_json_is_refused(string json)
    {
        using var messages = JsonDocument.Parse(json);
        Assert.Throws<UserInputException>(() => ChatTemplate.Parse("x").Render(messages.RootElement, false));
    }

    [Fact]
    public void One_template_serves_many_threads()
    {
        var template = ChatTemplate.Parse(
            "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m.content|length %}{% endfor %}{{ ns.n }}");
        string[] texts = new string[200];
        Parallel.For(0, texts.Length, i => texts[i] = template.Render([new("user", new string('x', i)), new("assistant", "yy")], false));
        Assert.Equal(Enumerable.Range(2, texts.Length).Select(n => n.ToString(provider: null)), texts);
    }
}
