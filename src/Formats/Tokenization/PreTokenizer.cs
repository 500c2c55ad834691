namespace Rm.Formats.Tokenization;

/// <summary>Takes the words of a text, one after another.</summary>
internal interface IWordSink
{
    /// <summary>The next word; valid during the call only.</summary>
    void Add(ReadOnlySpan<char> word);
}

/// <summary>
/// Cuts normalized text into the words that BPE encodes: the steps of <c>pre_tokenizer</c>, each cutting the pieces of the one before.
/// </summary>
internal sealed class PreTokenizer(IReadOnlyList<PreTokenizerStep> steps)
{
    /// <summary>Hands the words of <paramref name="text"/> to <paramref name="sink"/>, in order.</summary>
    public void Split(ReadOnlySpan<char> text, IWordSink sink) => Run(0, text, sink);

    /// <summary>Cuts a piece by the steps from <paramref name="step"/> on.</summary>
    internal void Run(int step, ReadOnlySpan<char> piece, IWordSink sink)
    {
        if (piece.IsEmpty)
        {
            return;
        }
        if (step == steps.Count)
        {
            sink.Add(piece);
        }
        else
        {
            steps[step].Apply(piece, this, step + 1, sink);
        }
    }
}

/// <summary>One pre-tokenizer of the sequence. Immutable.</summary>
internal abstract class PreTokenizerStep
{
    /// <summary>Cuts <paramref name="piece"/> and runs <paramref name="next"/> of <paramref name="owner"/> on every part.</summary>
    public abstract void Apply(ReadOnlySpan<char> piece, PreTokenizer owner, int next, IWordSink sink);
}

/// <summary><c>ByteLevel</c>: perhaps a space in front, perhaps GPT-2's pattern. The bytes themselves are the encoder's business.</summary>
internal sealed class ByteLevelStep(bool addPrefixSpace, bool useRegex) : PreTokenizerStep
{
    private static readonly Gpt2Scanner scanner = new();

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<char> piece, PreTokenizer owner, int next, IWordSink sink)
    {
        if (addPrefixSpace && piece[0] != ' ')
        {
            piece = string.Concat(" ", piece);
        }
        if (!useRegex)
        {
            owner.Run(next, piece, sink);
            return;
        }
        long budget = long.MaxValue;
        for (int at = 0; scanner.TryNext(piece, at, ref budget, out int start, out int end); at = end)
        {
            owner.Run(next, piece[start..end], sink);
        }
    }
}
