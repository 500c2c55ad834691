namespace Rm.Formats.Rendering;

/// <summary>A side of a pair as the one text that is tokenised, with where the response's content lies in it.</summary>
/// <param name="Text">The text.</param>
/// <param name="ResponseStart">Index where the content of the last turn begins.</param>
/// <param name="ResponseEnd">Index after that content; what follows is the template's closing text.</param>
/// <param name="IsTemplated">True when a chat template wrote it: special tokens are in the text already and none are added.</param>
internal readonly record struct RenderedText(string Text, int ResponseStart, int ResponseEnd, bool IsTemplated)
{
    public ReadOnlySpan<char> Prompt => Text.AsSpan(0, ResponseStart);

    public string Closing => Text[ResponseEnd..];
}
