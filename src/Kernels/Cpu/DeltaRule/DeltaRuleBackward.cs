using System.Runtime.Intrinsics;
using Rm.Kernels.Cpu.Gemm;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu.DeltaRule;

/// <summary>Where a backward pass reads and writes beside its problem.</summary>
internal unsafe struct DeltaRuleGradients
{
    public F32View DO;
    public F32View DQkv;
    public F32View DA;
    public F32View DB;

    /// <summary>As forward wrote them.</summary>
    public float* States;

    /// <summary>[families, Hv, 2]: each family's part of the gradients of ALog and DtBias.</summary>
    public float* Sums;
}

/// <summary>
/// Backward of one family of segments and the value heads of one key head. Chunks run from the last to the first with G, the gradient of
/// the state at a chunk's end; what the forward of a chunk computes is made again from its first state.
/// </summary>
internal readonly unsafe struct DeltaRuleBackward
{
    private readonly DeltaRuleProblem _problem;
    private readonly DeltaRuleGradients _gradients;
    private readonly DeltaRuleChunk _chunk;
    private readonly float* _state;           // [Dk, Dv]
    private readonly float* _stateTransposed; // [Dv, Dk]
    private readonly float* _g;               // [Dk, Dv]
    private readonly float* _prefixG;         // [Dk, Dv]
    private readonly float* _transposed;      // [Dv, Dk]
    private readonly float* _dO;              // [C, Dv]
    private readonly float* _scaled;          // [C, Dv]
    private readonly float* _y;               // [C, Dv]
    private readonly float* _uTransposed;     // [Dv, C]
    private readonly float* _dK;              // [C, Dk]
    private readonly float* _dQ;              // [C, Dk]
    private readonly float* _dA;              // [C, C]
    private readonly float* _dB;              // [C, C]
    private readonly float* _dBeta;           // [C], beta times the gradient of beta
    private readonly float* _fromStart;       // [C], of dg what reaches a token's decay from the first state, through each later token
    private readonly float* _toEnd;           // [C], what reaches it from each earlier token, through the last state
    private readonly float* _between;         // [C], what reaches it from earlier tokens through later ones
    private readonly float* _passed;          // [1], what goes from the first state past the whole chunk
    private readonly float* _columns;         // [C], sums over later tokens while that is made

    private DeltaRuleBackward(DeltaRuleProblem problem, DeltaRuleGradients gradients)
    {
        _problem = problem;
        _gradients = gradients;
        int chunk = problem.Shape.Chunk, state = problem.StateFloats, values = chunk * problem.PaddedValueDim,
            keys = chunk * problem.PaddedKeyDim;
        long floats = DeltaRuleChunk.Floats(problem) + (5L * state) + (4L * values) + (2L * keys) + (2L * chunk * chunk) + (5L * chunk)
            + Lanes;
        float* next = (float*)ThreadScratch.Get(floats * sizeof(float));
        float* Take(int count)
        {
            float* taken = next;
            next += count;
            return taken;
        }

        _state = Take(state);
        _stateTransposed = Take(state);
        _g = Take(state);
        _prefixG = Take(state);
        _transposed = Take(state);
        _dO = Take(values);
        _scaled = Take(values);
        _y = Take(values);
        _uTransposed = Take(values);
        _dK = Take(keys);
        _dQ = Take(keys);
        _dA = Take(chunk * chunk);
        _dB = Take(chunk * chunk);
        _dBeta = Take(chunk);
        _fromStart = Take(chunk);
        _toEnd = Take(chunk);
        _between = Take(chunk);
        _columns = Take(chunk);
        _passed = Take(Lanes);
        _chunk = new DeltaRuleChunk(problem, next);
    }

    /// <summary>Runs a family's item.</summary>
    public static void Run(DeltaRuleProblem problem, DeltaRuleGradients gradients, int family, int keyHead)
    {
        var item = new DeltaRuleBackward(problem, gradients);
        int[] segments = problem.Keys.Families[family];
        var prefixG = new Span<float>(item._prefixG, problem.StateFloats);
        var g = new Span<float>(item._g, problem.StateFloats);
        for (int h = 0; h < problem.HeadsPerGroup; h++)
        {
            int head = (keyHead * problem.HeadsPerGroup) + h;
            double aLog = 0, dtBias = 0;
            prefixG.Clear();
            foreach (int tail in segments.AsSpan(1))
            {
                g.Clear();
                item.Segment(tail, head, h > 0, ref aLog, ref dtBias);
                for (int i = 0; i < g.Length; i += Lanes)
                {
                    (Vector512.Load(item._prefixG + i) + Vector512.Load(item._g + i)).Store(item._prefixG + i);
                }
            }

            prefixG.CopyTo(g);
            item.Segment(segments[0], head, h > 0, ref aLog, ref dtBias);
            float* sums = gradients.Sums + (2 * (((long)family * problem.Shape.ValueHeads) + head));
            sums[0] = (float)aLog;
            sums[1] = (float)dtBias;
        }
    }

    // G enters at the segment's end and leaves at its start. Heads that share a key head add to what the first of them wrote.
    private void Segment(int segment, int head, bool accumulate, ref double aLog, ref double dtBias)
    {
        for (int c = _problem.Chunks(segment) - 1; c >= 0; c--)
        {
            (int row, int count) = _problem.Chunk(segment, c);
            LoadState(_problem.FirstChunk(segment) + c, head);
            _chunk.Solve(row, count, head, _state);
            LoadOutputGradient(row, count, head);
            SolveGradient(row, count, head);
            KeyAndQueryGradients(count);
            _passed[0] = _chunk.FromStart[count - 1] * Dot(_g, _state, _problem.StateFloats);
            PassOn(count);
            FinishGates(row, count, head, ref aLog, ref dtBias);
            (int query, int key) = _problem.KeyColumns(head / _problem.HeadsPerGroup);
            StoreUnit(row, count, query, _chunk.QueryScale, _dQ, 1 / MathF.Sqrt(_problem.Shape.KeyDim), accumulate);
            StoreUnit(row, count, key, _chunk.KeyScale, _dK, 1, accumulate);
        }
    }

    private void LoadState(int chunk, int head)
    {
        int keyDim = _problem.Shape.KeyDim, valueDim = _problem.Shape.ValueDim, values = _problem.PaddedValueDim,
            keys = _problem.PaddedKeyDim;
        float* from = _gradients.States + ((((long)chunk * _problem.Shape.ValueHeads) + head) * keyDim * valueDim);
        for (int i = 0; i < keys; i++)
        {
            CopyPadded(i < keyDim ? from + (i * valueDim) : null, valueDim, _state + (i * values), values);
        }

        ChunkProduct.Transpose(_state, keys, values, _stateTransposed, keys);
        ChunkProduct.Transpose(_g, keys, values, _transposed, keys);
    }

    private void LoadOutputGradient(int row, int count, int head)
    {
        int width = _problem.Shape.ValueDim, values = _problem.PaddedValueDim;
        for (int i = 0; i < DeltaRuleChunk.Fours(count); i++)
        {
            CopyPadded(i < count ? _gradients.DO[row + i] + (head * width) : null, width, _dO + (i * values), values);
        }
    }

    // y = (I + A)^-T dU, with what it gives for v, beta and gamma.
    private void SolveGradient(int row, int count, int head)
    {
        int keys = _problem.PaddedKeyDim, values = _problem.PaddedValueDim, chunk = _problem.Shape.Chunk,
            rows = DeltaRuleChunk.Fours(count);
        ChunkProduct.Full(_chunk.K, keys, 1, _g, values, _y, rows, keys, accumulate: false);
        for (int i = 0; i < count; i++)
        {
            // The part of the next state, e^(gamma_C - gamma_i) k_i u_i^T.
            DeltaRuleChunk.ScaleRows(_y + (i * values), _chunk.ToEnd + i, 1, values, _y + (i * values));
            _toEnd[i] = Dot(_y + (i * values), _chunk.U + (i * values), values);
        }

        ChunkProduct.LowerTransposed(_chunk.B, chunk, _dO, values, _y, rows);
        _chunk.SolveTransposed(_y, rows);

        int column = _problem.ValueColumn(head), width = _problem.Shape.ValueDim;
        for (int i = 0; i < count; i++)
        {
            float* v = _problem.Qkv[row + i] + column, dv = _gradients.DQkv[row + i] + column, y = _y + (i * values), ks = _chunk.KS
                + (i * values);
            float beta = _chunk.Beta[i], decay = _chunk.FromStart[i], state = decay * Dot(y, ks, values);
            _dBeta[i] = beta * (Dot(y, v, width) - state);
            _fromStart[i] = -beta * state;
            var factor = Vector512.Create(beta);
            for (int c = 0; c < width; c += Lanes)
            {
                Store(factor * Vector512.Load(y + c), dv + c, width - c);
            }
        }
    }

    private void KeyAndQueryGradients(int count)
    {
        int keys = _problem.PaddedKeyDim, values = _problem.PaddedValueDim, chunk = _problem.Shape.Chunk,
            rows = DeltaRuleChunk.Fours(count);
        ClearRows(_chunk.U, count, values);
        ClearRows(_y, count, values);
        ChunkProduct.Transpose(_chunk.U, chunk, values, _uTransposed, chunk);
        ChunkProduct.Full(_y, values, 1, _uTransposed, chunk, _dA, rows, values, accumulate: false);
        ChunkProduct.Full(_dO, values, 1, _uTransposed, chunk, _dB, rows, values, accumulate: false);

        // Through the next state: e^(gamma_C - gamma_i) G u_i.
        DeltaRuleChunk.ScaleRows(_chunk.U, _chunk.ToEnd, count, values, _scaled);
        ClearRows(_scaled, count, values, rows);
        ChunkProduct.Full(_scaled, values, 1, _transposed, keys, _dK, rows, values, accumulate: false);

        // Through the first state.
        DeltaRuleChunk.ScaleRows(_dO, _chunk.FromStart, count, values, _dO);
        ChunkProduct.Full(_dO, values, 1, _stateTransposed, keys, _dQ, rows, values, accumulate: false);
        for (int i = 0; i < count; i++)
        {
            _fromStart[i] += Dot(_chunk.Q + (i * keys), _dQ + (i * keys), keys);
        }

        BetweenTokens(count);
        for (int i = 0; i < count; i++)
        {
            float factor = -_chunk.Beta[i] * _chunk.FromStart[i];
            DeltaRuleChunk.ScaleRows(_y + (i * values), &factor, 1, values, _y + (i * values));
        }

        ChunkProduct.Full(_y, values, 1, _stateTransposed, keys, _dK, rows, values, accumulate: true);
        ChunkProduct.Lower(_dA, chunk, _chunk.K, keys, _dK, rows);
        ChunkProduct.LowerTransposed(_dA, chunk, _chunk.K, keys, _dK, rows);
        ChunkProduct.LowerTransposed(_dB, chunk, _chunk.Q, keys, _dK, rows);
        ChunkProduct.Lower(_dB, chunk, _chunk.K, keys, _dQ, rows);
    }

    // y u^T -> the gradient of K K^T, dO u^T -> that of Q K^T; with what they give for beta and, for each token t, the sum over all i >= t
    // > j: not as differences of row and column sums, which cancel where gates are strong.
    private void BetweenTokens(int count)
    {
        int chunk = _problem.Shape.Chunk;
        new Span<float>(_columns, chunk).Clear();
        for (int i = DeltaRuleChunk.Fours(count) - 1; i >= 0; i--)
        {
            float beta = i < count ? _chunk.Beta[i] : 0;
            Vector512<float> rowA = default, between = default;
            for (int j = 0; j < chunk; j += Lanes)
            {
                int at = (i * chunk) + j;
                Vector512<float> decay = Vector512.Load(_chunk.Decay + at), a = Vector512.Load(_dA + at), b = Vector512.Load(_dB + at);
                Vector512<float> before = Vector512.LessThan(Vector512<int>.Indices + Vector512.Create(j), Vector512.Create(i)).AsSingle();

                // dA = -y u^T, and MinusA is -A.
                Vector512<float> throughA = a * Vector512.Load(_chunk.MinusA + at);
                rowA += throughA;
                Vector512<float> later = Vector512.Load(_columns + j) + (throughA + (b * Vector512.Load(_chunk.B + at)));
                later.Store(_columns + j);
                between += later & before;
                (Vector512.Create(-beta) * (a * (decay & before))).Store(_dA + at);
                (b * decay).Store(_dB + at);
            }

            if (i < count)
            {
                _between[i] = Sum(between);
                _dBeta[i] += Sum(rowA);
            }
        }
    }

    // G <- e^gamma_C G + (e^gamma Q)^T dO - K^T (beta e^gamma y), the gradient of the chunk's first state.
    private void PassOn(int count)
    {
        int keys = _problem.PaddedKeyDim, values = _problem.PaddedValueDim;
        DeltaRuleChunk.Scale(_g, _chunk.FromStart[count - 1], _problem.StateFloats);
        ChunkProduct.Full(_chunk.Q, 1, keys, _dO, values, _g, keys, count, accumulate: true);
        ChunkProduct.Full(_chunk.K, 1, keys, _y, values, _g, keys, count, accumulate: true);
    }

    private void FinishGates(int row, int count, int head, ref double aLog, ref double dtBias)
    {
        // From the first state past the whole chunk, then through each token from this one on, and from those before it.
        double past = _passed[0], later = 0;
        for (int i = 0; i < count; i++)
        {
            (_between[i], past) = ((float)(_between[i] + past), past + _toEnd[i]);
        }

        for (int i = count - 1; i >= 0; i--)
        {
            later += _fromStart[i];
            double dg = later + _between[i], da = dg * _chunk.Slope[i];
            _gradients.DA[row + i][head] = (float)da;
            _gradients.DB[row + i][head] = _dBeta[i] * (1 - _chunk.Beta[i]);
            aLog += dg * _chunk.G[i];
            dtBias += da;
        }
    }

    // Through the scaling to unit length: with x^ = x / |x|, dx = (d - x^ (x^ . d)) / |x|.
    private void StoreUnit(int row, int count, int column, float* scales, float* gradient, float factor, bool accumulate)
    {
        int width = _problem.Shape.KeyDim, padded = _problem.PaddedKeyDim;
        for (int i = 0; i < count; i++)
        {
            float* x = _problem.Qkv[row + i] + column, to = _gradients.DQkv[row + i] + column, d = gradient + (i * padded);
            float along = factor * scales[i] * Dot(x, d, width) * scales[i];
            Vector512<float> scale = Vector512.Create(factor * scales[i]), back = Vector512.Create(-along * scales[i]);
            for (int c = 0; c < width; c += Lanes)
            {
                int n = width - c;
                var value = Vector512.FusedMultiplyAdd(back, Load(x + c, n), scale * Vector512.Load(d + c));
                Store(accumulate ? Load(to + c, n) + value : value, to + c, n);
            }
        }
    }

    private static void CopyPadded(float* from, int width, float* to, int padded)
    {
        for (int c = 0; c < padded; c += Lanes)
        {
            (from is not null && c < width ? Load(from + c, width - c) : default).Store(to + c);
        }
    }

    // What is behind the chunk's last token.
    private void ClearRows(float* matrix, int count, int columns, int? end = null) =>
        new Span<float>(matrix + (count * columns), ((end ?? _problem.Shape.Chunk) - count) * columns).Clear();
}
