namespace Rm.Formats.Tokenization;

/// <summary>One normalizer of tokenizer.json. Immutable.</summary>
internal abstract class NormalizerStep
{
    /// <summary>The changed text, or <paramref name="text"/> itself where nothing changes.</summary>
    /// <param name="text">Text without lone surrogates.</param>
    /// <param name="atStart">
    /// True while the first character comes from the first of the user's text; a step that drops that one sets it to false. A Metaspace
    /// pre-tokenizer asks for it.
    /// </param>
    /// <param name="limit">The length that the result may have.</param>
    /// <exception cref="UserInputException">The result is longer than <paramref name="limit"/>.</exception>
    public abstract ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart, long limit);
}
