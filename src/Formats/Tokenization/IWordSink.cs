namespace Rm.Formats.Tokenization;

/// <summary>Takes the words of a text, one after another.</summary>
internal interface IWordSink
{
    /// <summary>The next word; valid during the call only.</summary>
    void Add(ReadOnlySpan<char> word);

    /// <summary>The next word, spelled in <see cref="ByteAlphabet"/>: bytes that need not be whole characters.</summary>
    void AddSpelled(ReadOnlySpan<char> word);
}
