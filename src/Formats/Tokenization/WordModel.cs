using System.Runtime.InteropServices;

namespace Rm.Formats.Tokenization;

/// <summary>Encodes one word at a time. Immutable; the working memory is the caller's <see cref="WordScratch"/>.</summary>
internal abstract class WordModel
{
    /// <summary>
    /// Appends the ids of <paramref name="word"/> (UTF-8, or any bytes for a byte-level model) to <paramref name="ids"/>.
    /// </summary>
    /// <exception cref="UserInputException">The word cannot be encoded.</exception>
    public void Append(ReadOnlySpan<byte> word, WordScratch scratch, List<int> ids)
    {
        while (!word.IsEmpty)
        {
            int length = NextCut(word);
            AppendPiece(word[..length], scratch, ids);
            word = word[length..];
        }
    }

    /// <summary>Where a word, not empty, may be cut without a change to its ids: the length of its first piece.</summary>
    protected virtual int NextCut(ReadOnlySpan<byte> word) => word.Length;

    /// <summary>As <see cref="Append"/>, for a piece that is not among the cached ones.</summary>
    protected abstract void Encode(ReadOnlySpan<byte> piece, WordScratch scratch, List<int> ids);

    private void AppendPiece(ReadOnlySpan<byte> piece, WordScratch scratch, List<int> ids)
    {
        bool cacheable = piece.Length <= WordCache.MaxWord;
        if (cacheable && scratch.Cache.TryAppend(piece, ids))
        {
            return;
        }

        int before = ids.Count;
        Encode(piece, scratch, ids);
        if (cacheable)
        {
            scratch.Cache.Store(piece, CollectionsMarshal.AsSpan(ids)[before..]);
        }
    }
}
