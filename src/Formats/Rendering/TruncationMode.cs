namespace Rm.Formats.Rendering;

/// <summary>What happens to a text longer than the maximum (<c>--truncation</c>).</summary>
public enum TruncationMode
{
    /// <summary>Tokens leave the end of the response's content; the template's closing tokens stay.</summary>
    Response,

    /// <summary>The pair is dropped.</summary>
    Drop,

    /// <summary>Tokens leave the beginning of the prompt, after a BOS token; the same number on both sides of a pair.</summary>
    PromptLeft,
}
