namespace Rm.Formats.Tokenization;

/// <summary>
/// Byte-pair encoding of one word (Sennrich et al. 2016, on bytes or characters): the adjacent pair of lowest rank is merged, the
/// leftmost of equals first, until no pair has a rule. Immutable; the working memory is the caller's <see cref="WordScratch"/>.
/// </summary>
internal sealed class BytePairEncoder : WordModel
{
    // Up to here a scan for the smallest rank beats a queue; above, the queue keeps a long word at n log n.
    private const int MaxScanned = 48;

    private readonly Vocabulary vocabulary;
    private readonly MergeTable merges;
    private readonly bool wholeWordFirst;
    private readonly WordSymbols _initial;
    private readonly MergeBoundaries? _boundaries;

    /// <summary>An encoder over a model's tables.</summary>
    /// <param name="vocabulary">Tokens by their bytes.</param>
    /// <param name="merges">Merge rules over its ids.</param>
    /// <param name="wholeWordFirst"><c>ignore_merges</c>: a word that is itself a token is taken as it is.</param>
    /// <param name="symbols">What a word begins as.</param>
    /// <param name="boundaries">Where words may be cut, if they are whole texts.</param>
    public BytePairEncoder(
        Vocabulary vocabulary, MergeTable merges, bool wholeWordFirst, WordSymbols symbols, MergeBoundaries? boundaries = null)
    {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.wholeWordFirst = wholeWordFirst;
        _initial = symbols;
        // A text that is a token as a whole would no longer be found if it were cut.
        _boundaries = wholeWordFirst ? null : boundaries;
    }

    /// <inheritdoc/>
    protected override int NextCut(ReadOnlySpan<byte> word) => _boundaries?.NextCut(word) ?? word.Length;

    /// <inheritdoc/>
    protected override void Encode(ReadOnlySpan<byte> piece, WordScratch scratch, List<int> ids)
    {
        if (wholeWordFirst && vocabulary.TryFind(piece, out int whole))
        {
            ids.Add(whole);
        }
        else
        {
            Merge(piece, scratch, ids);
        }
    }

    private void Merge(ReadOnlySpan<byte> word, WordScratch scratch, List<int> ids)
    {
        scratch.Reserve(_initial.MostFor(word.Length));
        int n = _initial.Write(word, scratch.Ids);
        if (n <= MaxScanned)
        {
            MergeByScan(scratch, n, ids);
        }
        else
        {
            MergeByQueue(scratch, n, ids);
        }
    }

    private void MergeByScan(WordScratch scratch, int n, List<int> ids)
    {
        Span<int> symbols = scratch.Ids.AsSpan(0, n);
        Span<long> rules = stackalloc long[MaxScanned]; // rules[i]: of symbols i and i + 1
        for (int i = 0; i + 1 < n; i++)
        {
            rules[i] = merges.Find(symbols[i], symbols[i + 1]);
        }

        while (n > 1)
        {
            int best = 0;
            for (int i = 1; i + 1 < n; i++)
            {
                if (rules[i] < rules[best])
                {
                    best = i;
                }
            }

            if (rules[best] == MergeTable.None)
            {
                break;
            }

            symbols[best] = (int)rules[best];
            symbols[(best + 2)..n].CopyTo(symbols[(best + 1)..]);
            if (best + 2 < n)
            {
                rules[(best + 2)..(n - 1)].CopyTo(rules[(best + 1)..]);
            }

            n--;
            if (best > 0)
            {
                rules[best - 1] = merges.Find(symbols[best - 1], symbols[best]);
            }

            if (best + 1 < n)
            {
                rules[best] = merges.Find(symbols[best], symbols[best + 1]);
            }
        }

        ids.AddRange(symbols[..n]);
    }

    /// <summary>
    /// The same rule over a linked list of symbols; the queue may hold outdated pairs, which are recognised by their rank.
    /// </summary>
    private void MergeByQueue(WordScratch scratch, int n, List<int> ids)
    {
        scratch.ReserveLinks(n);
        int[] symbols = scratch.Ids, next = scratch.Next, previous = scratch.Previous;
        PriorityQueue<int, (long Rule, int Position)> queue = scratch.Queue;
        queue.Clear();
        for (int i = 0; i < n; i++)
        {
            next[i] = i + 1;
            previous[i] = i - 1;
        }

        for (int i = 0; i + 1 < n; i++)
        {
            Enqueue(i);
        }

        while (queue.TryDequeue(out int left, out (long Rule, int Position) found))
        {
            int right = next[left];
            if (symbols[left] < 0 || right >= n || merges.Find(symbols[left], symbols[right]) != found.Rule)
            {
                continue;
            }

            symbols[left] = (int)found.Rule;
            symbols[right] = -1; // gone
            next[left] = next[right];
            if (next[left] < n)
            {
                previous[next[left]] = left;
                Enqueue(left);
            }

            if (previous[left] >= 0)
            {
                Enqueue(previous[left]);
            }
        }

        for (int i = 0; i < n; i = next[i])
        {
            ids.Add(symbols[i]);
        }

        void Enqueue(int left)
        {
            long rule = merges.Find(symbols[left], symbols[next[left]]);
            if (rule != MergeTable.None)
            {
                queue.Enqueue(left, (rule, left));
            }
        }
    }
}
