using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>Rotary tables of a micro-batch.</summary>
/// <param name="Query"><c>[T, R]</c>, for queries.</param>
/// <param name="Key"><c>[T, R]</c>, for keys; the same table where queries have no factor of their own.</param>
internal sealed record RopeTables(Tensor Query, Tensor Key);

/// <summary>Makes the tables of one rotation for any micro-batch.</summary>
internal sealed class RopeTableMaker
{
    private readonly RopeSettings _rope;
    private readonly ModelConfig _config;
    private readonly Dictionary<int, float[]> _byLength = [];
    private readonly float[] _frequencies;

    public RopeTableMaker(RopeSettings rope, ModelConfig config)
    {
        (_rope, _config) = (rope, config);
        _frequencies = RopeFrequencies.Compute(rope, config.HeadDim, config.MaxPositionEmbeddings, length: 1);
    }

    /// <summary>The tables of a layout, in the arena.</summary>
    public RopeTables Make(IBackend backend, TensorArena arena, PreparedLayout layout)
    {
        Tensor key = Table(0);
        return new RopeTables(_rope.Scaling.QueryGrowth == 0 ? key : Table((float)_rope.Scaling.QueryGrowth), key);

        Tensor Table(float growth)
        {
            Tensor table = arena.Allocate(DType.F32, new Shape(layout.Layout.TokenCount, 2 * _frequencies.Length));
            foreach ((int first, int count, float[] frequencies) in Runs(layout.Layout))
            {
                backend.RopeTable(new RopeTableArgs(layout, frequencies, table.SliceRows(first, count))
                {
                    FirstToken = first,
                    Scale = (float)_rope.Scaling.AttentionFactor,
                    Growth = growth,
                    GrowthLength = Math.Max(1, _rope.Scaling.OriginalMaxPositionEmbeddings),
                });
            }

            return table;
        }
    }

    // Tokens with one set of frequencies: all of them, or the sequences of one kind that follow each other.
    private IEnumerable<(int First, int Count, float[] Frequencies)> Runs(SequenceLayout layout)
    {
        if (!_rope.Scaling.DependsOnLength)
        {
            yield return (0, layout.TokenCount, _frequencies);
            yield break;
        }

        int start = 0;
        float[]? current = null;
        foreach (Segment segment in layout.Segments)
        {
            float[] own = Of(segment.Length);
            if (current is not null && own != current)
            {
                yield return (start, segment.Start - start, current);
                start = segment.Start;
            }

            current = own;
        }

        yield return (start, layout.TokenCount - start, current!);
    }

    private float[] Of(int length)
    {
        RopeScaling s = _rope.Scaling;
        int limit = s.Kind == RopeScalingKind.Dynamic ? _config.MaxPositionEmbeddings : s.OriginalMaxPositionEmbeddings;
        if (length <= limit)
        {
            return _frequencies;
        }

        // LongRoPE has one set for all longer sequences.
        int kind = s.Kind == RopeScalingKind.LongRope ? limit + 1 : length;
        if (!_byLength.TryGetValue(kind, out float[]? frequencies))
        {
            frequencies = RopeFrequencies.Compute(_rope, _config.HeadDim, _config.MaxPositionEmbeddings, kind);
            _byLength.Add(kind, frequencies);
        }

        return frequencies;
    }
}
