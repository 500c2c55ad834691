namespace Rm.Formats.Tokenization;

/// <summary>Working memory of one thread: the word cache, the arrays of a merge, the lattice of a Unigram word.</summary>
internal sealed class WordScratch
{
    // A word can be as long as the text. What it needed beyond this is given back by Trim.
    private const int Kept = 1 << 16, Initial = 64;

    /// <summary>Ids of words already seen.</summary>
    internal WordCache Cache { get; } = new();

    /// <summary>Symbols of a word that is merged.</summary>
    internal int[] Ids { get; private set; } = new int[Initial];

    /// <summary>Next symbol, by position.</summary>
    internal int[] Next { get; private set; } = [];

    /// <summary>Symbol before, by position.</summary>
    internal int[] Previous { get; private set; } = [];

    /// <summary>Pairs that may merge.</summary>
    internal PriorityQueue<int, (long Rule, int Position)> Queue { get; private set; } = new();

    /// <summary>Best piece that ends at a place of a Unigram word: its score with all before it, its start, its id.</summary>
    internal (double Score, int Start, int Id)[] Lattice { get; private set; } = [];

    internal void Reserve(int symbols)
    {
        if (symbols > Ids.Length)
        {
            Ids = new int[Larger(symbols)];
        }
    }

    internal void ReserveLinks(int symbols)
    {
        if (symbols > Next.Length)
        {
            Next = new int[Larger(symbols)];
            Previous = new int[Next.Length];
        }
    }

    internal void ReserveLattice(int places)
    {
        if (places > Lattice.Length)
        {
            Lattice = new (double, int, int)[Larger(places)];
        }
    }

    internal void Trim()
    {
        if (Ids.Length > Kept || Next.Length > Kept)
        {
            Ids = new int[Initial];
            Next = [];
            Previous = [];
            Queue = new();
        }

        if (Lattice.Length > Kept)
        {
            Lattice = [];
        }
    }

    private static int Larger(int size) => (int)Math.Min(Array.MaxLength, Math.Max(Initial, size * 2L));
}
