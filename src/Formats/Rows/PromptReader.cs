using System.Text.Json;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>
/// Reads what a row's answers are given to: a prompt's column by its known names or as the user says, a history, a system turn.
/// </summary>
/// <param name="row">The row.</param>
/// <param name="columns">What the user says.</param>
/// <param name="used">Receives the columns that are taken.</param>
internal sealed class PromptReader(DataRow row, RowColumns columns, HashSet<string> used)
{
    /// <summary>The column that the prompt came from, or null.</summary>
    public string? Column { get; private set; }

    /// <summary>The column that a system turn came from, or null.</summary>
    public string? SystemColumn { get; private set; }

    /// <summary>True when the prompt is a string: one user turn.</summary>
    public bool IsText { get; private set; }

    /// <summary>True when a column holds a prompt.</summary>
    public bool HasPrompt => columns.Prompt is not null || PairColumns.Prompts.Any(row.Has);

    /// <summary>
    /// The prompt when it is a string with nothing beside it, which is also a text that an answer can be joined to; else null.
    /// </summary>
    public string? TryReadPlain()
    {
        string? column = columns.Prompt ?? (row.Has("prompt") ? "prompt" : null);
        if (column is null || !row.Has(column) || row.IsList(column) || System() is not null || IsHistory())
        {
            return null;
        }

        Take(column);
        return row.GetText(column);
    }

    /// <summary>The turns before an answer, system turn included; null when no column holds any.</summary>
    /// <param name="transcripts">A string may be a transcript of several turns.</param>
    public IReadOnlyList<ChatMessage>? Read(bool transcripts = false)
    {
        IReadOnlyList<ChatMessage>? prompt = ReadPrompt(columns.Prompt ?? PairColumns.Prompts.FirstOrDefault(row.Has), transcripts);
        IReadOnlyList<ChatMessage> head = WithSystem(prompt ?? []);
        return head.Count > 0 ? head : null;
    }

    /// <summary>
    /// The turns before lists of messages. Beside lists that are whole conversations only a column that is a prompt by its very name is
    /// looked at; the same turns in another column are a copy.
    /// </summary>
    public IReadOnlyList<ChatMessage> ReadBeside(bool whole)
    {
        string? column = columns.Prompt ?? (row.Has("prompt") ? "prompt" : whole ? null : PairColumns.Prompts.FirstOrDefault(row.Has));
        return ReadPrompt(column, transcripts: false) ?? [];
    }

    /// <summary>The turns with the system column's in front, unless they have it. Throws when they have another.</summary>
    public IReadOnlyList<ChatMessage> WithSystem(IReadOnlyList<ChatMessage> turns)
    {
        if (System() is not { } system)
        {
            return turns;
        }

        if (turns.FirstOrDefault(turn => turn.Role == "system") is { } own)
        {
            return own.Content == system ? turns : throw row.Error(
                SystemColumn!, "differs from the system turn that the conversation has itself. Leave one out: "
                + $"--ignore-columns {SystemColumn} keeps the conversation's.");
        }

        return [new ChatMessage("system", system), .. turns];
    }

    private string? System()
    {
        string? column = columns.System ?? PairColumns.System.FirstOrDefault(name =>
            row.TryGet(name, out JsonElement value) && value.ValueKind == JsonValueKind.String && row.Text(name, value).Length > 0);
        if (column is null)
        {
            return null;
        }

        if (columns.System is not null && !row.Columns.ContainsKey(column))
        {
            throw row.Error($"has no column '{column}', which --system-column names. The row has {Names.List(row.ColumnNames)}.");
        }

        used.Add(column);
        string? text = row.GetOptionalText(column);
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        SystemColumn = column;
        return text;
    }

    private IReadOnlyList<ChatMessage>? ReadPrompt(string? column, bool transcripts)
    {
        if (column is null)
        {
            return null;
        }

        if (!row.Has(column))
        {
            throw row.Error($"has no column '{column}', which --prompt-column names. The row has {Names.List(row.ColumnNames)}.");
        }

        Take(column);
        if (row.IsList(column))
        {
            return row.GetMessages(column);
        }

        IsText = true;
        string text = row.GetText(column);
        if (column == "instruction" && row.TryGet("input", out JsonElement input) && input.ValueKind == JsonValueKind.String)
        {
            // Alpaca: an instruction and what it is about.
            used.Add("input");
            string about = row.Text("input", input);
            text = about.Length > 0 ? $"{text}\n{about}" : text;
        }

        IReadOnlyList<ChatMessage> turns = transcripts ? Transcript.ParsePrompt(text) : [new ChatMessage("user", text)];
        return IsHistory() ? [.. History(), .. turns] : turns;
    }

    private bool IsHistory() =>
        row.TryGet("history", out JsonElement value) && value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0;

    // Earlier turns: pairs of a user's text and an answer, or messages.
    private IEnumerable<ChatMessage> History()
    {
        used.Add("history");
        JsonElement list = row.GetList("history", "a list of earlier turns");
        int index = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            string place = $"history[{index++}]";
            if (item.ValueKind != JsonValueKind.Array)
            {
                yield return row.ReadMessage(place, item);
                continue;
            }

            if (item.GetArrayLength() != 2)
            {
                throw row.Error(place, "must be two texts, a user's and the answer.");
            }

            yield return new ChatMessage("user", row.Text($"{place}[0]", item[0]));
            yield return new ChatMessage("assistant", row.Text($"{place}[1]", item[1]));
        }
    }

    private void Take(string column)
    {
        Column = column;
        used.Add(column);
    }
}
