using Rm.Kernels.Cpu.Gemm;

namespace Rm.Kernels.Cpu.DeltaRule;

/// <summary>Forward of one family of segments and one value head: the prefix, then each tail from the state at the prefix's end.</summary>
internal readonly unsafe struct DeltaRuleForward
{
    private readonly DeltaRuleProblem _problem;
    private readonly DeltaRuleChunk _chunk;
    private readonly int _head;
    private readonly F32View _o;
    private readonly float* _states;
    private readonly float* _state;
    private readonly float* _prefixState;
    private readonly float* _rows;

    private DeltaRuleForward(DeltaRuleProblem problem, int head, F32View o, float* states)
    {
        _problem = problem;
        _head = head;
        _o = o;
        _states = states;
        int tile = problem.Shape.Chunk * problem.PaddedValueDim;
        float* memory = (float*)ThreadScratch.Get((DeltaRuleChunk.Floats(problem) + (2L * problem.StateFloats) + tile) * sizeof(float));
        _state = memory;
        _prefixState = memory + problem.StateFloats;
        _rows = _prefixState + problem.StateFloats;
        _chunk = new DeltaRuleChunk(problem, _rows + tile);
    }

    /// <summary>Runs a family's item; <paramref name="states"/> may be null.</summary>
    public static void Run(DeltaRuleProblem problem, int[] family, int head, F32View o, float* states)
    {
        var item = new DeltaRuleForward(problem, head, o, states);
        new Span<float>(item._state, problem.StateFloats).Clear();
        item.Segment(family[0]);
        if (family.Length > 1)
        {
            new Span<float>(item._state, problem.StateFloats).CopyTo(new Span<float>(item._prefixState, problem.StateFloats));
        }

        foreach (int tail in family.AsSpan(1))
        {
            new Span<float>(item._prefixState, problem.StateFloats).CopyTo(new Span<float>(item._state, problem.StateFloats));
            item.Segment(tail);
        }
    }

    private void Segment(int segment)
    {
        int keys = _problem.PaddedKeyDim, values = _problem.PaddedValueDim, width = _problem.Shape.ValueDim;
        for (int c = 0; c < _problem.Chunks(segment); c++)
        {
            (int row, int count) = _problem.Chunk(segment, c);
            int rows = DeltaRuleChunk.Fours(count);
            if (_states is not null)
            {
                SaveState(_problem.FirstChunk(segment) + c);
            }

            _chunk.Solve(row, count, _head, _state);
            ChunkProduct.Full(_chunk.Q, keys, 1, _state, values, _rows, rows, keys, accumulate: false);
            DeltaRuleChunk.ScaleRows(_rows, _chunk.FromStart, count, values, _rows);
            ChunkProduct.Lower(_chunk.B, _problem.Shape.Chunk, _chunk.U, values, _rows, rows);
            for (int i = 0; i < count; i++)
            {
                new Span<float>(_rows + (i * values), width).CopyTo(new Span<float>(_o[row + i] + (_head * width), width));
            }

            _chunk.Advance(count, _state, _rows);
        }
    }

    private void SaveState(int chunk)
    {
        int keyDim = _problem.Shape.KeyDim, valueDim = _problem.Shape.ValueDim;
        float* to = _states + ((((long)chunk * _problem.Shape.ValueHeads) + _head) * keyDim * valueDim);
        for (int i = 0; i < keyDim; i++)
        {
            new Span<float>(_state + (i * _problem.PaddedValueDim), valueDim).CopyTo(new Span<float>(to + (i * valueDim), valueDim));
        }
    }
}
