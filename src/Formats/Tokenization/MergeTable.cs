namespace Rm.Formats.Tokenization;

/// <summary>The merge rules of a BPE model: pair of token ids to rank and merged id. Open addressing, 16 bytes a slot.</summary>
internal sealed class MergeTable
{
    /// <summary>What <see cref="Find"/> returns for a pair without a rule: it ranks after every rule.</summary>
    public const long None = long.MaxValue;

    private const ulong Empty = ulong.MaxValue; // ids are non-negative, so no pair has this key
    private Slot[] slots;
    private int count;

    /// <summary>An empty table with room for <paramref name="capacity"/> rules.</summary>
    public MergeTable(int capacity) => slots = NewSlots((int)Math.Clamp((long)capacity * 2, 16, 1 << 28));

    /// <summary>Adds a rule; a pair given again takes its last rank, as Hugging Face does.</summary>
    public void Set(int left, int right, int rank, int merged)
    {
        if ((count + 1) * 2L > slots.Length)
        {
            Slot[] old = slots;
            slots = NewSlots(old.Length * 2);
            foreach (Slot slot in old)
            {
                if (slot.Pair != Empty)
                {
                    slots[Locate(slot.Pair)] = slot;
                }
            }
        }

        ulong pair = Key(left, right);
        int index = Locate(pair);
        count += slots[index].Pair == Empty ? 1 : 0;
        slots[index] = new Slot(pair, ((long)rank << 32) | (uint)merged);
    }

    /// <summary>
    /// The pair's rule as <c>rank &lt;&lt; 32 | merged id</c>, so that comparing values compares ranks; or <see cref="None"/>.
    /// </summary>
    public long Find(int left, int right)
    {
        ulong pair = Key(left, right);
        Slot slot = slots[Locate(pair)];
        return slot.Pair == pair ? slot.Rule : None;
    }

    private int Locate(ulong pair)
    {
        int mask = slots.Length - 1;
        int index = (int)(ByteHash.Of(pair) >> 32) & mask;
        while (slots[index].Pair != pair && slots[index].Pair != Empty)
        {
            index = (index + 1) & mask;
        }

        return index;
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private static Slot[] NewSlots(int atLeast)
    {
        var result = new Slot[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)atLeast)];
        Array.Fill(result, new Slot(Empty, None));
        return result;
    }

    private readonly record struct Slot(ulong Pair, long Rule);
}
