namespace Rm.Formats.Tokenization;

/// <summary>
/// <c>Metaspace</c>: SentencePiece's mark (U+2581 usually) for spaces, perhaps one in front, perhaps a cut before every mark.
/// </summary>
internal sealed class MetaspaceStep(string mark, PrependScheme scheme, bool split) : PreTokenizerStep
{
    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<char> piece, bool atStart, PreTokenizer owner, int next, IWordSink sink)
    {
        bool prepend = (scheme == PrependScheme.Always || (scheme == PrependScheme.First && atStart))
            && piece[0] != ' ' && !piece.StartsWith(mark);
        if (prepend || piece.Contains(' '))
        {
            string text = string.Concat(prepend ? mark : "", piece);
            piece = text.Replace(" ", mark, StringComparison.Ordinal);
        }

        if (split)
        {
            for (int end; (end = piece[1..].IndexOf(mark) + 1) > 0; piece = piece[end..], atStart = false)
            {
                owner.Run(next, piece[..end], atStart, sink);
            }
        }

        owner.Run(next, piece, atStart, sink);
    }
}
