using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Token ids and their bytes, both ways: those that a byte-level spelling stands for, or else the spelling's own UTF-8. One byte buffer and
/// one open-addressing table instead of a string per token: a vocabulary
/// of 150,000 tokens loads in a few hundredths of a second.
/// </summary>
internal sealed class Vocabulary(bool isByteLevel)
{
    /// <summary>Ids stay below this: it bounds the memory that a hostile file can ask for.</summary>
    public const int MaxIds = 1 << 22;

    private byte[] text = new byte[1 << 16];
    private int textLength;
    private int[] starts = [];   // [id]
    private int[] lengths = [];  // [id], -1: no such token
    private int[] slots = [];    // hash -> id, -1: empty

    // Keys outside the byte-level alphabet of a byte-level vocabulary. BPE never produces them; they exist to be found by name.
    private readonly Dictionary<string, int> literals = new(StringComparer.Ordinal);

    /// <summary>One more than the highest id.</summary>
    public int Size { get; private set; }

    /// <summary>How many tokens <see cref="TryFind"/> can find.</summary>
    public int Count { get; private set; }

    /// <summary>How many tokens the model has, without those that are only added.</summary>
    public int TokenCount => Count + literals.Count;

    /// <summary>True when <paramref name="id"/> names a token.</summary>
    public bool Contains(int id) => (uint)id < (uint)Size && lengths[id] >= 0;

    /// <summary>The bytes of a token. The id must be <see cref="Contains"/>ed.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => text.AsSpan(starts[id], lengths[id]);

    /// <summary>True when the tokens are spelled in <see cref="ByteAlphabet"/>.</summary>
    public bool IsByteLevel => isByteLevel;

    /// <summary>Adds a token by its spelling in tokenizer.json (UTF-8). False when the id or the spelling is taken.</summary>
    public bool TryAdd(ReadOnlySpan<byte> spelling, int id)
    {
        if (Contains(id))
        {
            return false;
        }

        EnsureText(spelling.Length);
        if (TryToBytes(spelling, text.AsSpan(textLength), out int length))
        {
            if (TryFind(text.AsSpan(textLength, length), out _))
            {
                return false;
            }

            SetRange(id, length);
            Index(id);
            return true;
        }

        if (!literals.TryAdd(Encoding.UTF8.GetString(spelling), id))
        {
            return false;
        }

        SetBytes(id, spelling);
        return true;
    }

    /// <summary>
    /// Gives an id its bytes without making it reachable from <see cref="TryFind"/>: added tokens, whose text is literal.
    /// </summary>
    public void SetBytes(int id, ReadOnlySpan<byte> bytes)
    {
        EnsureText(bytes.Length);
        bytes.CopyTo(text.AsSpan(textLength));
        SetRange(id, bytes.Length);
    }

    /// <summary>The id of a byte string.</summary>
    public bool TryFind(ReadOnlySpan<byte> bytes, out int id)
    {
        if (slots.Length > 0)
        {
            int mask = slots.Length - 1;
            for (int slot = (int)(ByteHash.Of(bytes) >> 32) & mask; (id = slots[slot]) >= 0; slot = (slot + 1) & mask)
            {
                if (Bytes(id).SequenceEqual(bytes))
                {
                    return true;
                }
            }
        }

        id = -1;
        return false;
    }

    /// <summary>The id of a spelling, as tokenizer.json writes it.</summary>
    public bool TryFindSpelling(ReadOnlySpan<byte> spelling, out int id)
    {
        byte[]? large = spelling.Length > 256 ? new byte[spelling.Length] : null;
        Span<byte> bytes = large ?? stackalloc byte[256];
        return TryToBytes(spelling, bytes, out int length)
            ? TryFind(bytes[..length], out id)
            : literals.TryGetValue(Encoding.UTF8.GetString(spelling), out id);
    }

    private bool TryToBytes(ReadOnlySpan<byte> spelling, Span<byte> bytes, out int length)
    {
        if (isByteLevel)
        {
            return ByteAlphabet.TryToBytes(spelling, bytes, out length);
        }

        spelling.CopyTo(bytes);
        length = spelling.Length;
        return true;
    }

    private void SetRange(int id, int length)
    {
        if (id >= starts.Length)
        {
            int known = starts.Length;
            int capacity = Math.Min(MaxIds, Math.Max(id + 1, Math.Max(1024, known * 2)));
            Array.Resize(ref starts, capacity);
            Array.Resize(ref lengths, capacity);
            Array.Fill(lengths, -1, known, capacity - known);
        }

        starts[id] = textLength;
        lengths[id] = length;
        textLength += length;
        Size = Math.Max(Size, id + 1);
    }

    private void Index(int id)
    {
        if (++Count * 2 > slots.Length)
        {
            int[] old = slots;
            slots = new int[Math.Max(1024, old.Length * 2)];
            Array.Fill(slots, -1);
            foreach (int moved in old)
            {
                if (moved >= 0)
                {
                    Place(moved);
                }
            }
        }

        Place(id);
    }

    private void Place(int id)
    {
        int mask = slots.Length - 1;
        int slot = (int)(ByteHash.Of(Bytes(id)) >> 32) & mask;
        while (slots[slot] >= 0)
        {
            slot = (slot + 1) & mask;
        }

        slots[slot] = id;
    }

    private void EnsureText(int more)
    {
        if (textLength + more > text.Length)
        {
            Array.Resize(ref text, checked(Math.Max(textLength + more, text.Length * 2)));
        }
    }
}
