using TorchSharp;

namespace Rm.PeerOfficial;

/// <summary>Sequences of ids, padded with zeros on the right to the longest.</summary>
internal sealed class PaddedBatch
{
    private readonly int[] _lengths;

    /// <summary>Builds the tensors in the caller's scope.</summary>
    public PaddedBatch(IReadOnlyList<int[]> sequences)
    {
        _lengths = [.. sequences.Select(static s => s.Length)];
        Length = _lengths.Max();
        long[] ids = new long[sequences.Count * Length];
        for (int i = 0; i < sequences.Count; i++)
        {
            for (int t = 0; t < sequences[i].Length; t++)
            {
                ids[(i * Length) + t] = sequences[i][t];
            }
        }

        Ids = torch.tensor(ids, sequences.Count, Length);
        Last = torch.tensor((long[])[.. _lengths.Select(static n => n - 1L)]);
    }

    /// <summary>Padded length.</summary>
    public int Length { get; }

    /// <summary>[sequences, length].</summary>
    public torch.Tensor Ids { get; }

    /// <summary>Position of each sequence's last token.</summary>
    public torch.Tensor Last { get; }

    /// <summary>Tokens that are no padding.</summary>
    public long Tokens => _lengths.Sum(static n => (long)n);

    /// <summary>
    /// Whether query (row) sees key (column), [sequences, 1, length, length]: keys up to its own position that are no padding. Null without
    /// padding.
    /// </summary>
    public torch.Tensor? Mask()
    {
        if (_lengths.All(n => n == Length))
        {
            return null;
        }

        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor positions = torch.arange(Length);
        torch.Tensor causal = positions.view(1, 1, 1, Length) <= positions.view(1, 1, Length, 1);
        torch.Tensor real = positions.view(1, 1, 1, Length) <= Last.view(-1, 1, 1, 1);
        return (causal & real).MoveToOuterDisposeScope();
    }
}
