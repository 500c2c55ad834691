using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Ids of words already seen, for one thread. Direct-mapped with one cache line a slot: at most 1 MiB, nothing to evict, and a
/// miss only costs the merge that would have been done anyway.
/// </summary>
internal sealed class WordCache
{
    /// <summary>Longest word that is kept, in bytes.</summary>
    public const int MaxWord = 24;

    private const int MaxIds = 9, Slots = 1 << 14;
    private readonly Slot[] slots = new Slot[Slots];

    /// <summary>Appends the ids of <paramref name="word"/> when they are known.</summary>
    public bool TryAppend(ReadOnlySpan<byte> word, List<int> ids)
    {
        ref Slot slot = ref slots[Index(word, out Key key)];
        if (slot.Length != word.Length || slot.Key.A != key.A || slot.Key.B != key.B || slot.Key.C != key.C)
        {
            return false;
        }

        ids.AddRange(((ReadOnlySpan<int>)slot.Ids)[..slot.Count]);
        return true;
    }

    /// <summary>Remembers the ids of a word of at most <see cref="MaxWord"/> bytes, if they fit a slot.</summary>
    public void Store(ReadOnlySpan<byte> word, ReadOnlySpan<int> ids)
    {
        if (ids.Length > MaxIds)
        {
            return;
        }

        ref Slot slot = ref slots[Index(word, out Key key)];
        slot.Key = key;
        slot.Length = (byte)word.Length;
        slot.Count = (byte)ids.Length;
        ids.CopyTo(slot.Ids);
    }

    private static int Index(ReadOnlySpan<byte> word, out Key key)
    {
        key = default;
        word.CopyTo(MemoryMarshal.AsBytes(new Span<Key>(ref key)));
        return (int)(ByteHash.Of(key.A ^ (key.B * 0xD6E8FEB86659FD93) ^ (key.C * 0xA0761D6478BD642F)) >> 40) & (Slots - 1);
    }

    private struct Key
    {
        public ulong A, B, C;
    }

    private struct Slot
    {
        public Key Key;
        public byte Length, Count; // Length 0: empty, for no word is empty
        public IdRow Ids;
    }

    [InlineArray(MaxIds)]
    private struct IdRow
    {
        private int first;
    }
}
