namespace Rm.Formats.Diagnostics;

/// <summary>How rows are transformed so that a sound pipeline must give a known result (docs/diagnostics.md).</summary>
public enum DiagnosticMode
{
    /// <summary>A share of the rows has its two sides swapped: at one half nothing can be learned.</summary>
    LabelShuffle,

    /// <summary>Both responses are the same text: nothing tells the sides apart.</summary>
    PromptOnly,

    /// <summary>The rejected response answers another prompt: easy to tell.</summary>
    RandomNegatives,

    /// <summary>Only pairs of nearly equal length.</summary>
    LengthMatched,
}
