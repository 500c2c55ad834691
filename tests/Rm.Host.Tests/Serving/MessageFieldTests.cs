using System.Text.Json.Nodes;

namespace Rm.Host.Tests.Serving;

/// <summary>What a conversation in a request says besides roles and contents reaches the chat template.</summary>
public sealed class MessageFieldTests : IDisposable
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private const string Template =
        """
        {%- if tools %}[{{ tools[0].name }}]{% endif -%}
        {%- for m in messages %}<{{ m.role }}{% if m.name %} {{ m.name }}{% endif %}>
        {%- if m.reasoning_content %}({{ m.reasoning_content }}){% endif %}
        {%- if m.tool_calls %}{% for c in m.tool_calls %}{{ c.function.name }}={{ c.function.arguments.city }}{% endfor %}{% endif %}
        {%- if m.tool_call_id %}#{{ m.tool_call_id }}{% endif %}
        {{- m.content }}{% endfor -%}
        {%- if mood %}!{{ mood }}{% endif -%}
        """;

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("""{"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}""", "<user Ann>Hi")]
    [InlineData("""{"messages": [{"role": "assistant", "content": "Yes", "reasoning_content": "so"}]}""", "<assistant>(so)Yes")]
    [InlineData(
        """
        {"messages": [{"role": "assistant", "content": null, "tool_calls":
            [{"type": "function", "function": {"name": "f", "arguments": "{\"city\": \"Rome\"}"}}]}]}
        """,
        "<assistant>f=Rome")]
    [InlineData(
        """
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"city": "Oslo"}}}]},
            {"role": "tool", "content": "5", "tool_call_id": "c1"}]}
        """,
        "<assistant>f=Oslo<tool>#c15")]
    [InlineData("""{"messages": [{"role": "assistant", "content": "No", "tool_calls": []}]}""", "<assistant>No")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, "b"], "name": null}]}""", "<user>a\nb")]
    [InlineData("""{"messages": [{"role": "user"}]}""", "<user>")]
    [InlineData(
        """{"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": {"mood": "glad", "unknown": 1}}""", "<user>x!glad")]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": {"tools": [{"name": "t"}]}}""", "[t]<user>x")]
    public async Task Fields_reach_the_template(string conversation, string text)
    {
        await using RunningServer server = await StartAsync();
        string expected = new JsonObject { ["prompt"] = text }.ToJsonString();
        Assert.Equal(
            Tokens(await server.PostAsync("/tokenize", expected, Stop)), Tokens(await server.PostAsync("/tokenize", conversation, Stop)));
        (int status, JsonNode? byText) = await server.PostAsync("/classify", new JsonObject { ["input"] = text }.ToJsonString(), Stop);
        Assert.Equal(200, status);
        (_, JsonNode? byMessages) = await server.PostAsync("/classify", conversation, Stop);
        Assert.Equal(byText!["data"]!.ToJsonString(), byMessages!["data"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]}""")]
    [InlineData("""{"messages": [{"role": "user", "content": "x", "name": "\ud800"}]}""")]
    [InlineData("""{"messages": [{"role": "\ud800", "content": "x"}]}""")]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": {"mood": ["\ud800"]}}""")]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": {"chat_template": "x"}}""")]
    [InlineData("""{"messages": [{"role": "user", "content": null, "name": "Ann"}]}""")]
    public async Task What_no_template_can_take_is_refused(string conversation)
    {
        await using RunningServer server = await StartAsync();
        Assert.Equal(400, (await server.PostAsync("/classify", conversation, Stop)).Status);
        Assert.Empty(server.Failures);
    }

    private Task<RunningServer> StartAsync()
    {
        string folder = ServedFolders.Make(_scratch, "rm-qwen2");
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), Template);
        return RunningServer.StartAsync(folder);
    }

    private static string Tokens((int Status, JsonNode? Body) answer)
    {
        Assert.Equal(200, answer.Status);
        return answer.Body!["tokens"]!.ToJsonString();
    }
}
