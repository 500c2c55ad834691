namespace Rm.Formats.Rows;

/// <summary>The columns that a preference pair is read from, so that a column-wise file need not be read whole.</summary>
public static class PairColumns
{
    /// <summary>Columns of a system turn.</summary>
    internal static readonly string[] System = ["system", "system_prompt", "system_message"];

    /// <summary>Columns of a prompt, the first that a row has being it.</summary>
    internal static readonly string[] Prompts =
        ["prompt", "question", "instruction", "query", "input", "context", "conversations", "conversation", "messages", "trajectory"];

    /// <summary>Columns of token ids of the two sides: btrm's names, and those of TRL's versions (j is the preferred one).</summary>
    internal static readonly string[][] Ids =
    [
        ["chosen_ids", "rejected_ids"], ["input_ids_chosen", "input_ids_rejected"], ["chosen_input_ids", "rejected_input_ids"],
        ["input_ids_j", "input_ids_k"],
    ];

    /// <summary>Columns of the two sides, strings or messages.</summary>
    internal static readonly string[][] Sides =
    [
        ["chosen", "rejected"], ["chosen_response", "rejected_response"], ["response_chosen", "response_rejected"],
        ["response", "rejected_response"],
    ];

    /// <summary>Columns of the two sides under every name, also where another column says which is the better one.</summary>
    internal static readonly string[][] Answers =
    [
        .. Sides, ["response_0", "response_1"], ["response1", "response2"], ["response_1", "response_2"],
        ["conversation_a", "conversation_b"],
    ];

    // Each kind of pair with the columns that make it one.
    private static readonly string[][] Kinds =
    [
        .. Ids, .. Sides, ["human_ref_A", "human_ref_B"], ["messages", "rejected_response"], ["messages", "rejected_messages"],
        ["response_0", "response_1", "better_response_id"], ["response1", "response2", "overall_preference"],
        ["response_1", "response_2", "preference_strength"], ["conversation_a", "conversation_b", "winner"], ["answers"], ["completions"],
        ["instruction", "output"],
    ];

    private static readonly HashSet<string> Others = new(StringComparer.Ordinal)
    {
        "history", "labels", "score_ratio", "post_id", "margin", "weight", "domain", "subset", "tools", "documents", "chat_template_kwargs",
    };

    private static readonly HashSet<string> Known = [.. Kinds.SelectMany(kind => kind), .. System, .. Prompts, .. Others];

    // Names, and last words of names, by which a column says that it holds what answers are given to.
    private static readonly HashSet<string> PromptNames = new(StringComparer.Ordinal)
    {
        "input", "inputs", "human", "problem", "post", "task_description",
    };

    private static readonly HashSet<string> PromptEndings = new(StringComparer.Ordinal)
    {
        "prompt", "prompts", "question", "instruction", "instructions", "query", "context", "history", "conversation", "conversations",
            "dialog",
        "dialogue", "message", "messages", "system",
    };

    /// <summary>
    /// Those of a file's columns that pairs are read from; all of them when they make no pair, so that the error about a row can name what
    /// is there.
    /// </summary>
    public static IReadOnlyCollection<string> Choose(IReadOnlyList<string> columns) => Choose(columns, RowColumns.None);

    /// <summary>
    /// The same with the columns that the user names, and those that look like a prompt, which are not to be left out unseen.
    /// </summary>
    public static IReadOnlyCollection<string> Choose(IReadOnlyList<string> columns, RowColumns said) =>
        Kinds.Any(kind => kind.All(column => columns.Contains(column)))
            ? [.. columns.Where(
                column => Known.Contains(column) || LooksLikePrompt(column) || column == said.Prompt || column == said.System)]
            : columns;

    /// <summary>True for a column that pairs are read from under this name.</summary>
    internal static bool IsKnown(string column) => Known.Contains(column);

    /// <summary>True for a column that is about the pair as a whole and is read for every kind.</summary>
    internal static bool IsAboutPair(string column) => Others.Contains(column) && column != "history";

    /// <summary>The columns of a pair of which one is null in a row: the null one.</summary>
    internal static string? NullSide(DataRow row) =>
        Kinds.Where(kind => kind.Length > 1 && kind[1] != "output" && kind.All(row.Columns.ContainsKey))
        .SelectMany(kind => kind).FirstOrDefault(column => !row.Has(column));

    /// <summary>True for a name that says: this is what the answers are given to.</summary>
    internal static bool LooksLikePrompt(string column)
    {
        string name = column.ToLowerInvariant().Replace('-', '_');
        return PromptNames.Contains(name) || PromptEndings.Contains(name[(name.LastIndexOf('_') + 1)..]);
    }
}
