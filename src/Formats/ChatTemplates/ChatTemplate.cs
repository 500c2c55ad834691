using System.Text;
using System.Text.Json;
using Rm.Formats.Tokenization;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// A chat template as checkpoints carry it: Jinja in the environment of transformers (immutable sandbox, trim_blocks, lstrip_blocks, loop
/// controls, <c>tojson</c> without escapes, <c>raise_exception</c>, <c>strftime_now</c>, <c>generation</c> blocks). It is interpreted
/// within fixed bounds of time and memory, sees nothing but its variables, and can be shared between threads.
/// Refused by name: tags that need other templates, characters by name (<c>\N{...}</c>), and the filters that
/// <see cref="FilterTable"/> leaves out.
/// </summary>
public sealed class ChatTemplate : IChatTemplate
{
    private readonly StatementBlock _body;
    private readonly DateTime? _now;
    private readonly Dictionary<string, object> _variables = new(StringComparer.Ordinal);

    private ChatTemplate(StatementBlock body, ChatTemplateSettings settings)
    {
        _body = body;
        _now = settings.Now;
        foreach ((string? name, string? token) in settings.SpecialTokens ?? new Dictionary<string, string>())
        {
            _variables[name] = token;
        }

        foreach ((string? name, JsonElement value) in settings.Variables ?? new Dictionary<string, JsonElement>())
        {
            _variables[name] = FromJson(value);
        }
    }

    /// <summary>
    /// Reads a template. Throws <see cref="UserInputException"/> with line and column when it is not valid Jinja, or uses a tag, filter or
    /// test that no chat template can (other template files, say).
    /// </summary>
    public static ChatTemplate Parse(string source, ChatTemplateSettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new ChatTemplate(TemplateParser.Parse(source), settings ?? new ChatTemplateSettings());
    }

    /// <inheritdoc/>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, ChatTemplateInputs? inputs = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var list = new List<object>(messages.Count);
        foreach (ChatMessage message in messages)
        {
            list.Add(message.Json is { } json
                ? FromJson(JsonElement.Parse(json))
                : new PyDict { ["role"] = message.Role, ["content"] = message.Content });
        }

        return Render(list, addGenerationPrompt, inputs);
    }

    /// <summary>
    /// The rendered text of messages with any fields (<c>tool_calls</c>, <c>name</c>, content in parts, ...): a JSON array of objects.
    /// Throws like the other overload.
    /// </summary>
    public string Render(JsonElement messages, bool addGenerationPrompt)
    {
        if (messages.ValueKind != JsonValueKind.Array)
        {
            throw new UserInputException($"chat template: messages must be a JSON array, not {messages.ValueKind}");
        }

        return Render((List<object>)FromJson(messages), addGenerationPrompt);
    }

    /// <summary>The rendered text without a conversation: only the settings' variables.</summary>
    internal string RenderVariables() => Run([]);

    private static object FromJson(JsonElement element)
    {
        try
        {
            return JsonValues.FromJson(element);
        }
        catch (TemplateException e)
        {
            throw new UserInputException($"chat template: its input: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            // What the JSON reader throws for an escaped half of a surrogate pair.
            throw new UserInputException("chat template: its input: a text is not valid Unicode", e);
        }
    }

    private string Render(List<object> messages, bool addGenerationPrompt, ChatTemplateInputs? inputs = null) => Run(
        [
            new("messages", messages),
            new("tools", inputs?.Tools is { } tools ? FromJson(tools) : PyNone.Value),
            new("documents", inputs?.Documents is { } documents ? FromJson(documents) : PyNone.Value),
            new("add_generation_prompt", PythonTypes.Box(addGenerationPrompt)),
        ],
        inputs?.Variables);

    private string Run(IEnumerable<KeyValuePair<string, object>> conversation, IReadOnlyDictionary<string, JsonElement>? variables = null)
    {
        var globals = new Scope(null);
        TemplateGlobals.AddTo(globals);
        foreach ((string? name, object? value) in conversation.Concat(_variables))
        {
            globals.Set(name, value);
        }

        foreach ((string? name, JsonElement value) in variables ?? new Dictionary<string, JsonElement>())
        {
            globals.Set(name, FromJson(value));
        }

        var state = new RenderState(_now);
        var output = new StringBuilder();
        try
        {
            _body.Execute(state, new Scope(globals), output);
        }
        catch (TemplateRefusalException e)
        {
            throw new UserInputException($"the chat template refuses this conversation: {e.Message}", e);
        }
        catch (TemplateException e)
        {
            throw new UserInputException($"chat template, line {state.Line}: {e.Message}", e);
        }

        return output.ToString();
    }
}
