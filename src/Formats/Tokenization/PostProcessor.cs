namespace Rm.Formats.Tokenization;

/// <summary>The ids that a tokenizer puts around a text (<c>TemplateProcessing</c> for a single sequence).</summary>
/// <param name="Prefix">Before the text, a BOS usually.</param>
/// <param name="Suffix">After the text.</param>
internal sealed record PostProcessor(int[] Prefix, int[] Suffix)
{
    /// <summary>Between a first text (with its own ends) and a second, where two texts are joined.</summary>
    public int[] SecondPrefix { get; init; } = [];

    /// <summary>After the second text.</summary>
    public int[] SecondSuffix { get; init; } = [];

    /// <summary>Adds nothing.</summary>
    public static PostProcessor None { get; } = new([], []);

    /// <summary>Adds both ends in place. An end that the text already has is not added again.</summary>
    public void Apply(List<int> ids)
    {
        ReadOnlySpan<int> text = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids);
        bool addPrefix = !text.StartsWith(Prefix), addSuffix = !text.EndsWith(Suffix);
        if (addPrefix)
        {
            ids.InsertRange(0, Prefix);
        }

        if (addSuffix)
        {
            ids.AddRange(Suffix);
        }
    }

    /// <summary>This template around what <paramref name="inner"/> made.</summary>
    public PostProcessor Around(PostProcessor inner) =>
        new([.. Prefix, .. inner.Prefix], [.. inner.Suffix, .. Suffix])
        {
            SecondPrefix = [.. SecondPrefix, .. inner.SecondPrefix],
            SecondSuffix = [.. inner.SecondSuffix, .. SecondSuffix],
        };
}
