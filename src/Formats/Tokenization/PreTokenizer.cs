namespace Rm.Formats.Tokenization;

/// <summary>
/// Cuts normalized text into the words that the model encodes: the steps of <c>pre_tokenizer</c>, each cutting the pieces of the one
/// before.
/// </summary>
/// <param name="steps">The steps; without any, a text is one word.</param>
/// <param name="isByteLevel">One of the steps is ByteLevel: the model's vocabulary is spelled in <see cref="ByteAlphabet"/>.</param>
internal sealed class PreTokenizer(IReadOnlyList<PreTokenizerStep> steps, bool isByteLevel)
{
    // Behind a ByteLevel step that others follow, pieces are spelled in the byte-level alphabet.
    private readonly bool _endsSpelled = isByteLevel && steps[^1] is not ByteLevelStep;

    /// <summary>True when the model sees bytes in <see cref="ByteAlphabet"/>, false when it sees the text itself.</summary>
    public bool IsByteLevel => isByteLevel;

    /// <summary>Hands the words of <paramref name="text"/> to <paramref name="sink"/>, in order.</summary>
    /// <param name="text">Normalized text.</param>
    /// <param name="atStart">True when its first character comes from the first of the user's text.</param>
    /// <param name="sink">Takes the words.</param>
    public void Split(ReadOnlySpan<char> text, bool atStart, IWordSink sink) => Run(0, text, atStart, sink);

    /// <summary>Cuts a piece by the steps from <paramref name="step"/> on.</summary>
    internal void Run(int step, ReadOnlySpan<char> piece, bool atStart, IWordSink sink)
    {
        if (piece.IsEmpty)
        {
            return;
        }

        if (step < steps.Count)
        {
            steps[step].Apply(piece, atStart, this, step + 1, sink);
        }
        else if (_endsSpelled)
        {
            sink.AddSpelled(piece);
        }
        else
        {
            sink.Add(piece);
        }
    }
}
