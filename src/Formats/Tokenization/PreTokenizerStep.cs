namespace Rm.Formats.Tokenization;

/// <summary>One pre-tokenizer of the sequence. Immutable.</summary>
internal abstract class PreTokenizerStep
{
    /// <summary>Cuts <paramref name="piece"/> and runs <paramref name="next"/> of <paramref name="owner"/> on every part.</summary>
    /// <param name="piece">A piece, not empty.</param>
    /// <param name="atStart">True when its first character comes from the first of the user's text.</param>
    /// <param name="owner">The sequence.</param>
    /// <param name="next">Index of the step that takes the parts.</param>
    /// <param name="sink">Takes the words in the end.</param>
    public abstract void Apply(ReadOnlySpan<char> piece, bool atStart, PreTokenizer owner, int next, IWordSink sink);
}
