using Rm.Kernels.Cpu.Attention;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu.DeltaRule;

/// <summary>A delta rule's inputs, checked once, and where each segment's chunks stand among the states.</summary>
internal readonly unsafe struct DeltaRuleProblem
{
    private readonly int[] _firstChunk;

    public DeltaRuleProblem(CpuPreparedLayout layout, DeltaRuleShape shape, Tensor qkv, Tensor a, Tensor b, Tensor aLog, Tensor dtBias)
    {
        shape.Check();
        Shape = shape;
        Keys = layout.Keys;
        int tokens = layout.Layout.TokenCount;
        Qkv = F32View.Of(qkv, tokens, shape.QkvColumns, "Qkv");
        A = F32View.Of(a, tokens, shape.ValueHeads, "A");
        B = F32View.Of(b, tokens, shape.ValueHeads, "B");
        ALog = F32View.Vector(aLog, shape.ValueHeads, "ALog");
        DtBias = F32View.Vector(dtBias, shape.ValueHeads, "DtBias");
        PaddedKeyDim = KeyBlocks.Padded(shape.KeyDim);
        PaddedValueDim = KeyBlocks.Padded(shape.ValueDim);
        _firstChunk = new int[Keys.Segments.Length + 1];
        for (int s = 0; s < Keys.Segments.Length; s++)
        {
            _firstChunk[s + 1] = _firstChunk[s] + Chunks(s);
        }
    }

    public DeltaRuleShape Shape { get; }

    public KeyBlocks Keys { get; }

    public F32View Qkv { get; }

    public F32View A { get; }

    public F32View B { get; }

    public float* ALog { get; }

    public float* DtBias { get; }

    public int PaddedKeyDim { get; }

    public int PaddedValueDim { get; }

    /// <summary>Floats of one padded state.</summary>
    public int StateFloats => PaddedKeyDim * PaddedValueDim;

    /// <summary>Chunks of the micro-batch.</summary>
    public int ChunkCount => _firstChunk[^1];

    /// <summary>Value heads that read one key head.</summary>
    public int HeadsPerGroup => Shape.ValueHeads / Shape.KeyHeads;

    /// <summary>Row of a segment's first chunk among the states.</summary>
    public int FirstChunk(int segment) => _firstChunk[segment];

    /// <summary>Chunks of a segment.</summary>
    public int Chunks(int segment) => (Keys.Segments[segment].Length + Shape.Chunk - 1) / Shape.Chunk;

    /// <summary>First token row and number of tokens of a segment's chunk.</summary>
    public (int Row, int Count) Chunk(int segment, int chunk)
    {
        Segment s = Keys.Segments[segment];
        return (s.Start + (chunk * Shape.Chunk), Math.Min(Shape.Chunk, s.Length - (chunk * Shape.Chunk)));
    }

    /// <summary>First column of a key head's queries, and of its keys, in Qkv.</summary>
    public (int Query, int Key) KeyColumns(int keyHead) => (keyHead * Shape.KeyDim, (Shape.KeyHeads + keyHead) * Shape.KeyDim);

    /// <summary>First column of a value head's values in Qkv.</summary>
    public int ValueColumn(int head) => (2 * Shape.KeyHeads * Shape.KeyDim) + (head * Shape.ValueDim);
}
