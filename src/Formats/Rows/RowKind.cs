namespace Rm.Formats.Rows;

/// <summary>What a row's columns mean. The README's table of row kinds follows this list.</summary>
public enum RowKind
{
    /// <summary><c>prompt</c>, <c>chosen</c>, <c>rejected</c>: strings.</summary>
    PromptStrings,

    /// <summary><c>prompt</c>, <c>chosen</c>, <c>rejected</c>, at least one of them a message list.</summary>
    PromptMessages,

    /// <summary><c>chosen</c>, <c>rejected</c>: whole texts that are no transcripts, taken verbatim.</summary>
    PlainStrings,

    /// <summary><c>chosen</c>, <c>rejected</c>: transcripts cut at "\n\nHuman:" and "\n\nAssistant:" (HH-RLHF).</summary>
    Transcripts,

    /// <summary><c>chosen</c>, <c>rejected</c>: message lists.</summary>
    MessageLists,

    /// <summary>
    /// <c>chosen</c>, <c>rejected</c> and their prompt in other columns: <c>system</c>, <c>question</c>, <c>instruction</c>, ...
    /// </summary>
    PromptColumns,

    /// <summary>Two responses to a prompt and a column that says which is better.</summary>
    Comparison,

    /// <summary>Answers to a prompt with ranks or scores: a pair for every two of them that differ in rank.</summary>
    Ranking,

    /// <summary><c>history</c>, <c>human_ref_A</c>, <c>human_ref_B</c>, <c>labels</c> (SHP).</summary>
    Shp,

    /// <summary><c>chosen_ids</c>, <c>rejected_ids</c>: token ids.</summary>
    TokenIds,

    /// <summary>For scoring: <c>messages</c>.</summary>
    SingleMessages,

    /// <summary>For scoring: <c>text</c>.</summary>
    SingleText,

    /// <summary>For scoring: <c>input_ids</c>.</summary>
    SingleTokenIds,
}
