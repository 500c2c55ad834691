namespace Rm.Formats.Rendering;

/// <summary>The token ids of the prompt that was tokenised last in a row.</summary>
internal sealed class PromptTokens
{
    public string Text { get; set; } = "";

    public int[] Ids { get; set; } = [];
}
