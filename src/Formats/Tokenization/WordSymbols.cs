namespace Rm.Formats.Tokenization;

/// <summary>The tokens that a word begins as, before any merge. Immutable.</summary>
internal abstract class WordSymbols
{
    /// <summary>Symbols that a word of <paramref name="bytes"/> bytes can have at most.</summary>
    public abstract int MostFor(int bytes);

    /// <summary>Writes the symbols of <paramref name="word"/> and returns their count.</summary>
    public abstract int Write(ReadOnlySpan<byte> word, Span<int> symbols);
}
