namespace Rm.Formats.Tokenization;

/// <summary>
/// The tokens of a vocabulary by their bytes, for finding all that begin at a place of a text. The children of a node stand side by side,
/// so that a step is one vectorised search among their bytes.
/// </summary>
internal sealed class TokenTrie
{
    /// <summary>What <see cref="Step"/> returns where no token goes on.</summary>
    public const int End = -1;

    private readonly byte[] _labels;   // [node]: the byte that leads to it
    private readonly int[] _children;  // [node]: its first child; the next node's entry ends them
    private readonly int[] _tokens;    // [node]: the id of the token that ends here, or -1

    /// <summary>Builds the trie of the tokens that <see cref="Vocabulary.TryFind"/> finds.</summary>
    public TokenTrie(Vocabulary vocabulary)
    {
        int[] ids = [.. Enumerable.Range(0, vocabulary.Size)
            .Where(id => vocabulary.Contains(id) && vocabulary.TryFind(vocabulary.Bytes(id), out int found) && found == id)];
        Array.Sort(ids, (a, b) => vocabulary.Bytes(a).SequenceCompareTo(vocabulary.Bytes(b)));
        List<byte> labels = [0];
        List<int> children = [], tokens = [];
        var ranges = new Queue<(int First, int End, int Depth)>(); // of sorted tokens below a node, nodes in breadth-first order
        ranges.Enqueue((0, ids.Length, 0));
        while (ranges.TryDequeue(out (int First, int End, int Depth) node))
        {
            bool ends = node.First < node.End && vocabulary.Bytes(ids[node.First]).Length == node.Depth;
            tokens.Add(ends ? ids[node.First] : -1);
            children.Add(labels.Count);
            for (int i = node.First + (ends ? 1 : 0), next; i < node.End; i = next)
            {
                byte label = vocabulary.Bytes(ids[i])[node.Depth];
                next = i + 1;
                while (next < node.End && vocabulary.Bytes(ids[next])[node.Depth] == label)
                {
                    next++;
                }

                labels.Add(label);
                ranges.Enqueue((i, next, node.Depth + 1));
            }
        }

        children.Add(labels.Count);
        (_labels, _children, _tokens) = ([.. labels], [.. children], [.. tokens]);
    }

    /// <summary>The node behind <paramref name="node"/> (0 is the root) by a byte, or <see cref="End"/>.</summary>
    public int Step(int node, byte label)
    {
        int first = _children[node];
        int found = _labels.AsSpan(first, _children[node + 1] - first).IndexOf(label);
        return found < 0 ? End : first + found;
    }

    /// <summary>The id of the token that ends at a node, or -1.</summary>
    public int Token(int node) => _tokens[node];
}
