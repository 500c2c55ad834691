using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Datasets;

/// <summary>
/// <c>btrm data show</c>: what the model reads. Every row with <c>text</c> or <c>messages</c> becomes a line
/// <c>{"text": ..., "ids": [...]}</c>, in order, so that texts and ids can be compared with another tokenizer's.
/// </summary>
public sealed class DataShow(ITextEncoder encoder, IChatTemplate? template)
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Writes a line for each row, at most <paramref name="limit"/>. Messages go through the chat template and are encoded without adding
    /// special tokens; <paramref name="addSpecialTokens"/> is for <c>text</c> rows. Throws <see cref="UserInputException"/> naming the row.
    /// </summary>
    public void Write(
        IRowSource source, TextWriter output, bool addSpecialTokens = false, bool addGenerationPrompt = false, long? limit = null)
    {
        long left = limit ?? long.MaxValue;
        using IEnumerator<DataRow> rows = source.Read().GetEnumerator();
        for (; left > 0 && rows.MoveNext(); left--)
        {
            Show(rows.Current, output, addSpecialTokens, addGenerationPrompt);
        }
    }

    private void Show(DataRow row, TextWriter output, bool addSpecialTokens, bool addGenerationPrompt)
    {
        if (row.Has("messages"))
        {
            string text = Render(row, addGenerationPrompt);
            WriteLine(output, text, encoder.Encode(text, addSpecialTokens: false));
        }
        else if (row.Has("text"))
        {
            string text = row.GetText("text");
            WriteLine(output, text, encoder.Encode(text, addSpecialTokens));
        }
        else
        {
            throw row.Error($"needs a column 'text' or 'messages'; the row has {Names.List(row.ColumnNames)}.");
        }
    }

    private string Render(DataRow row, bool addGenerationPrompt)
    {
        if (template is null)
        {
            throw row.Error("messages", "the checkpoint has no chat template to render them with.");
        }

        IReadOnlyList<ChatMessage> messages = row.GetMessages("messages");
        try
        {
            return template.Render(messages, addGenerationPrompt, row.GetTemplateInputs());
        }
        catch (UserInputException e)
        {
            throw row.Error("messages", e.Message, e);
        }
    }

    private static void WriteLine(TextWriter output, string text, int[] ids)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            writer.WriteStartObject();
            writer.WriteString("text", text);
            writer.WriteStartArray("ids");
            foreach (int id in ids)
            {
                writer.WriteNumberValue(id);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        output.Write(Encoding.UTF8.GetString(buffer.WrittenSpan));
        output.Write('\n');
    }
}
