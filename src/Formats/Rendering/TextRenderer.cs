using System.Text;
using Rm.Formats.Rows;
using Rm.Formats.Text;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rendering;

/// <summary>
/// Turns conversations into text: through the chat template, or by concatenation. A system prompt from the options is added only to
/// a conversation without a system turn ("a row's own system turn wins").
/// </summary>
internal sealed class TextRenderer(IChatTemplate? template, TextOptions options)
{
    // Stands for the response while the template's text around it is found. ASCII, without a character that escaping would change.
    private const string Mark = "btrm7response7mark";

    /// <summary>The text of one side. Rows with a template's refusal throw <see cref="UserInputException"/> naming the row.</summary>
    public RenderedText Render(Conversation side, DataRow row)
    {
        if (side.Messages is not { } messages || (!options.UseChatTemplate && side.Text is not null))
        {
            return Verbatim(side);
        }

        return options.UseChatTemplate
            ? Template(WithSystem(messages), side.Inputs, row)
            : Concatenate(WithSystem(messages), side.Inputs, row);
    }

    private RenderedText Verbatim(Conversation side)
    {
        string text = side.Text!;
        // Text without turns may hold a rendered system turn already; only a text that is known to be made of turns takes one more.
        if (side.Messages is null || string.IsNullOrEmpty(options.SystemPrompt))
        {
            return new RenderedText(text, side.ResponseStart, text.Length, IsTemplated: false);
        }

        bool separated = text.StartsWith(PairRowParser.BlankLine, StringComparison.Ordinal);
        string head = options.SystemPrompt + (separated ? "" : PairRowParser.BlankLine);
        return new RenderedText(head + text, head.Length + side.ResponseStart, head.Length + text.Length, IsTemplated: false);
    }

    // Message lists carry no separator of their own: a blank line keeps turns apart.
    private static RenderedText Concatenate(IReadOnlyList<ChatMessage> messages, ChatTemplateInputs? inputs, DataRow row)
    {
        if (inputs?.Tools is { } tools && tools.GetArrayLength() > 0)
        {
            throw row.Error("tools", "needs a chat template to be written; --no-chat-template would leave it out.");
        }

        if (messages.SelectMany(message => message.SpeechFields()).FirstOrDefault() is { } field)
        {
            throw row.Error(field, "of a message needs a chat template to be written; --no-chat-template would leave it out.");
        }

        var text = new StringBuilder();
        for (int i = 0; i < messages.Count - 1; i++)
        {
            text.Append(messages[i].Content).Append(PairRowParser.BlankLine);
        }

        int start = text.Length;
        text.Append(messages[^1].Content);
        return new RenderedText(text.ToString(), start, text.Length, IsTemplated: false);
    }

    // Where the content lies is found by rendering the same turns with a mark in its place and comparing from both ends. Searching for
    // the content itself would fail: templates trim it or take parts out of it, and it may be empty or occur in the closing text.
    private RenderedText Template(IReadOnlyList<ChatMessage> messages, ChatTemplateInputs? inputs, DataRow row)
    {
        string text = Render(messages, inputs, row);
        string marked = Render([.. messages.Take(messages.Count - 1), messages[^1].WithContent(Mark)], inputs, row);
        int mark = marked.LastIndexOf(Mark, StringComparison.Ordinal);
        if (mark < 0)
        {
            return new RenderedText(text, 0, text.Length, IsTemplated: true);
        }

        int start = text.AsSpan().CommonPrefixLength(marked.AsSpan(0, mark));
        int closing = CommonSuffixLength(text.AsSpan(start), marked.AsSpan(mark + Mark.Length));
        return new RenderedText(
            text, TextBoundary.Before(text, start), TextBoundary.After(text, text.Length - closing), IsTemplated: true);
    }

    private string Render(IReadOnlyList<ChatMessage> messages, ChatTemplateInputs? inputs, DataRow row)
    {
        if (template is null)
        {
            throw row.Error(
                "the row needs a chat template and the checkpoint has none. Pass --no-chat-template, or add a chat_template to its "
                + "tokenizer_config.json.");
        }

        try
        {
            return template.Render(messages, addGenerationPrompt: false, inputs);
        }
        catch (UserInputException e)
        {
            // transformers fails so too: many templates know contents that are strings only.
            string hint = messages.Any(message => message.HasParts())
                ? " A content of the row is a list of parts; where the template takes strings only, write it as one string." : "";
            throw new UserInputException($"{row.File}, line {row.Line}: {e.Message}{hint}", e);
        }
    }

    private IReadOnlyList<ChatMessage> WithSystem(IReadOnlyList<ChatMessage> messages) =>
        string.IsNullOrEmpty(options.SystemPrompt) || messages.Any(message => message.Role == "system")
            ? messages
            : [new ChatMessage("system", options.SystemPrompt), .. messages];

    private static int CommonSuffixLength(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        int length = 0;
        while (length < a.Length && length < b.Length && a[^(length + 1)] == b[^(length + 1)])
        {
            length++;
        }

        return length;
    }
}
