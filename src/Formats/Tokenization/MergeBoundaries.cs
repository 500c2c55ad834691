using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Where a text may be cut before it is merged. SentencePiece-like BPE takes a whole text as one word; but between two characters that no
/// rule joins (a left part that ends in the one, a right part that begins with the other) nothing ever merges, and the parts can be
/// encoded apart, with the same ids. In practice that is before almost every word.
/// </summary>
internal sealed class MergeBoundaries
{
    private const int LongPiece = 16; // bytes; beyond, any boundary will do
    private readonly HashSet<ulong> _joints = [];
    private bool _bytesMerge;

    /// <summary>The character of the vocabulary's spaces: cuts are looked for before it first. U+2581.</summary>
    private static ReadOnlySpan<byte> Mark => "\u2581"u8;

    /// <summary>The symbols that words begin as; set once the vocabulary is known.</summary>
    public CharSymbols? Symbols { get; set; }

    /// <summary>Notes a merge rule by the texts of its two parts.</summary>
    public void Add(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Rune.DecodeLastFromUtf8(left, out Rune last, out _);
        Rune.DecodeFromUtf8(right, out Rune first, out _);
        _joints.Add(Key(last, first));
        _bytesMerge |= IsByteToken(left) || IsByteToken(right);
    }

    /// <summary>The length of the first piece of <paramref name="word"/>; all of it when it cannot be cut.</summary>
    public int NextCut(ReadOnlySpan<byte> word)
    {
        Rune.DecodeFromUtf8(word, out Rune before, out int at);
        while (at < word.Length)
        {
            ReadOnlySpan<byte> rest = word[at..];
            Rune.DecodeFromUtf8(rest, out Rune next, out int length);
            if ((at >= LongPiece || rest.StartsWith(Mark)) && IsBoundary(before, next))
            {
                return at;
            }

            before = next;
            at += length;
        }

        return word.Length;
    }

    private static ulong Key(Rune left, Rune right) => ((ulong)(uint)left.Value << 32) | (uint)right.Value;

    private static bool IsByteToken(ReadOnlySpan<byte> token) => token.Length == 6 && token.StartsWith("<0x"u8) && token[5] == '>';

    // Unknown characters may fuse with their neighbours, and byte tokens that merge do not show in the text: no cut beside them then.
    private bool IsBoundary(Rune left, Rune right) =>
        !_joints.Contains(Key(left, right)) && ((Symbols!.CoversAll && !_bytesMerge) || (Symbols.Knows(left) && Symbols.Knows(right)));
}
