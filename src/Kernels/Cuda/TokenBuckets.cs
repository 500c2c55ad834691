using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// The token rows of a micro-batch sorted by token id, in token order within an id: what a gradient without atomics needs.
/// </summary>
internal sealed class TokenBuckets
{
    /// <summary>Sorts and uploads the tokens of <paramref name="layout"/>.</summary>
    public TokenBuckets(CudaPreparedLayout layout)
    {
        int[] tokens = layout.Layout.Tokens;

        // Id in the upper half, row in the lower: one sort of unique keys gives both orders.
        long[] keys = new long[tokens.Length];
        for (int row = 0; row < tokens.Length; row++)
        {
            keys[row] = ((long)tokens[row] << 32) | (uint)row;
        }

        Array.Sort(keys);
        int[] order = new int[tokens.Length];
        List<int> ids = [];
        List<int> starts = [];
        for (int k = 0; k < keys.Length; k++)
        {
            int id = (int)(keys[k] >> 32);
            order[k] = (int)keys[k];
            if (ids.Count == 0 || ids[^1] != id)
            {
                ids.Add(id);
                starts.Add(k);
            }
        }

        starts.Add(order.Length);
        Ids = layout.Upload([.. ids]);
        Starts = layout.Upload([.. starts]);
        Order = layout.Upload(order);
    }

    /// <summary>The different token ids, ascending, <c>[U]</c>.</summary>
    public Tensor Ids { get; }

    /// <summary>Where each id's rows begin in <see cref="Order"/>, <c>[U + 1]</c>.</summary>
    public Tensor Starts { get; }

    /// <summary>Token rows, <c>[T]</c>.</summary>
    public Tensor Order { get; }
}
