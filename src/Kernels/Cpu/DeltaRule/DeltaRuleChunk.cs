using System.Runtime.Intrinsics;
using Rm.Kernels.Cpu.Attention;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu.DeltaRule;

/// <summary>
/// One chunk of one value head in its matrix form. With gamma the sums of g within the chunk and S its first state:
/// (I + A) U = beta (V - e^gamma K S), A below the diagonal = beta (K K^T) e^(gamma_i - gamma_j);
/// O = e^gamma Q S + B U, B = (Q K^T) e^(gamma_i - gamma_j) up to the diagonal; next S = e^gamma_C S + K^T (e^(gamma_C - gamma) U).
/// Exponents are differences before they are raised, so that nothing overflows. Memory is the thread's own.
/// </summary>
internal readonly unsafe struct DeltaRuleChunk
{
    public DeltaRuleChunk(DeltaRuleProblem problem, float* memory)
    {
        Problem = problem;
        int chunk = problem.Shape.Chunk, keys = problem.PaddedKeyDim, values = problem.PaddedValueDim;
        float* next = memory;
        float* Take(int floats)
        {
            float* taken = next;
            next += floats;
            return taken;
        }

        K = Take(chunk * keys);
        KTransposed = Take(keys * chunk);
        Q = Take(chunk * keys);
        KS = Take(chunk * values);
        U = Take(chunk * values);
        Decay = Take(chunk * chunk);
        MinusA = Take(chunk * chunk);
        B = Take(chunk * chunk);
        Beta = Take(chunk);
        Gamma = Take(chunk);
        GammaRest = Take(chunk);
        FromStart = Take(chunk);
        ToEnd = Take(chunk);
        KeyScale = Take(chunk);
        QueryScale = Take(chunk);
        Slope = Take(chunk);
        G = Take(chunk);
    }

    public DeltaRuleProblem Problem { get; }

    /// <summary>Unit keys <c>[C, Dk]</c>.</summary>
    public float* K { get; }

    /// <summary><c>[Dk, C]</c>.</summary>
    public float* KTransposed { get; }

    /// <summary>Unit queries / sqrt(Dk), <c>[C, Dk]</c>.</summary>
    public float* Q { get; }

    /// <summary>K S, <c>[C, Dv]</c>.</summary>
    public float* KS { get; }

    /// <summary><c>[C, Dv]</c>.</summary>
    public float* U { get; }

    /// <summary>e^(gamma_i - gamma_j) up to the diagonal, <c>[C, C]</c>.</summary>
    public float* Decay { get; }

    /// <summary>-A, <c>[C, C]</c>.</summary>
    public float* MinusA { get; }

    /// <summary><c>[C, C]</c>.</summary>
    public float* B { get; }

    public float* Beta { get; }

    public float* Gamma { get; }

    /// <summary>What rounding left of gamma: strong gates make it large, and its differences must still be exact to float32.</summary>
    public float* GammaRest { get; }

    /// <summary>e^gamma.</summary>
    public float* FromStart { get; }

    /// <summary>e^(gamma_C - gamma).</summary>
    public float* ToEnd { get; }

    /// <summary>1 / length of each raw key.</summary>
    public float* KeyScale { get; }

    /// <summary>1 / length of each raw query.</summary>
    public float* QueryScale { get; }

    /// <summary>dg/da of each token.</summary>
    public float* Slope { get; }

    /// <summary>g of each token.</summary>
    public float* G { get; }

    /// <summary>Floats of the memory.</summary>
    public static long Floats(DeltaRuleProblem problem) => problem.Shape.Chunk *
        ((3L * problem.PaddedKeyDim) + (2L * problem.PaddedValueDim) + (3L * problem.Shape.Chunk) + 9);

    /// <summary>Everything up to U, from the chunk's tokens and S <c>[Dk, Dv]</c>, padded.</summary>
    public void Solve(int row, int count, int head, float* state)
    {
        int keyHead = head / Problem.HeadsPerGroup, chunk = Problem.Shape.Chunk, values = Problem.PaddedValueDim,
            keys = Problem.PaddedKeyDim;
        int rows = Fours(count);
        LoadGates(row, count, head);
        (int query, int key) = Problem.KeyColumns(keyHead);
        LoadUnit(row, count, key, K, KeyScale, 1);
        LoadUnit(row, count, query, Q, QueryScale, 1 / MathF.Sqrt(Problem.Shape.KeyDim));
        ChunkProduct.Transpose(K, chunk, keys, KTransposed, chunk);
        ChunkProduct.Full(K, keys, 1, KTransposed, chunk, MinusA, rows, keys, accumulate: false);
        ChunkProduct.Full(Q, keys, 1, KTransposed, chunk, B, rows, keys, accumulate: false);
        ApplyDecay(rows, count);

        ChunkProduct.Full(K, keys, 1, state, values, KS, rows, keys, accumulate: false);
        int column = Problem.ValueColumn(head), valueDim = Problem.Shape.ValueDim;
        for (int i = 0; i < rows; i++)
        {
            float* v = i < count ? Problem.Qkv[row + i] + column : null;
            Vector512<float> beta = Vector512.Create(i < count ? Beta[i] : 0), decay = Vector512.Create(i < count ? -FromStart[i] : 0);
            for (int c = 0; c < values; c += Lanes)
            {
                Vector512<float> value = v is not null && c < valueDim ? Load(v + c, valueDim - c) : default;
                (beta * Vector512.FusedMultiplyAdd(decay, Vector512.Load(KS + (i * values) + c), value)).Store(U + (i * values) + c);
            }
        }

        SolveLower(rows);
    }

    /// <summary>Brings S to the chunk's end. <paramref name="scaled"/> <c>[C, Dv]</c> takes e^(gamma_C - gamma) U.</summary>
    public void Advance(int count, float* state, float* scaled)
    {
        int keys = Problem.PaddedKeyDim, values = Problem.PaddedValueDim;
        ScaleRows(U, ToEnd, count, values, scaled);
        Scale(state, FromStart[count - 1], Problem.StateFloats);
        ChunkProduct.Full(K, 1, keys, scaled, values, state, keys, count, accumulate: true);
    }

    /// <summary>to = factors * from, row by row.</summary>
    public static void ScaleRows(float* from, float* factors, int rows, int columns, float* to)
    {
        for (int i = 0; i < rows; i++)
        {
            var factor = Vector512.Create(factors[i]);
            for (int c = 0; c < columns; c += Lanes)
            {
                (factor * Vector512.Load(from + (i * columns) + c)).Store(to + (i * columns) + c);
            }
        }
    }

    /// <summary>values *= factor.</summary>
    public static void Scale(float* values, float factor, int count)
    {
        var all = Vector512.Create(factor);
        for (int i = 0; i < count; i += Lanes)
        {
            (all * Vector512.Load(values + i)).Store(values + i);
        }
    }

    /// <summary>A count rounded up to the rows of a product.</summary>
    public static int Fours(int count) => (count + TileProduct.Rows - 1) / TileProduct.Rows * TileProduct.Rows;

    // beta, g and the sums of g; in double, since there is one of each a token and head.
    private void LoadGates(int row, int count, int head)
    {
        double rate = Math.Exp(Problem.ALog[head]), sum = 0;
        for (int i = 0; i < count; i++)
        {
            double x = (double)Problem.A[row + i][head] + Problem.DtBias[head], e = Math.Exp(-Math.Abs(x));
            double softplus = Math.Max(x, 0) + (e < 1e-5 ? e - (0.5 * e * e) : Math.Log(1 + e));
            G[i] = (float)(-rate * softplus);
            Slope[i] = (float)(-rate * (x >= 0 ? 1 : e) / (1 + e));
            Beta[i] = (float)(1 / (1 + Math.Exp(-(double)Problem.B[row + i][head])));
            sum += -rate * softplus;
            Gamma[i] = (float)sum;
            GammaRest[i] = (float)(sum - Gamma[i]);
            FromStart[i] = (float)Math.Exp(sum);
        }

        for (int i = 0; i < count; i++)
        {
            ToEnd[i] = (float)Math.Exp(sum - Gamma[i] - GammaRest[i]);
        }

        for (int i = count; i < Problem.Shape.Chunk; i++)
        {
            (Gamma[i], GammaRest[i], Beta[i]) = (Gamma[count - 1], GammaRest[count - 1], 0);
        }
    }

    private void LoadUnit(int row, int count, int column, float* to, float* scales, float factor)
    {
        int width = Problem.Shape.KeyDim, padded = Problem.PaddedKeyDim;
        for (int i = 0; i < Problem.Shape.Chunk; i++)
        {
            float* line = to + (i * padded);
            if (i >= count)
            {
                new Span<float>(line, padded).Clear();
                continue;
            }

            float* from = Problem.Qkv[row + i] + column;
            scales[i] = 1 / MathF.Sqrt(Dot(from, from, width) + Problem.Shape.Epsilon);
            var scale = Vector512.Create(scales[i] * factor);
            for (int c = 0; c < padded; c += Lanes)
            {
                (scale * (c < width ? Load(from + c, width - c) : default)).Store(line + c);
            }
        }
    }

    // K K^T -> -A and Q K^T -> B.
    private void ApplyDecay(int rows, int count)
    {
        int chunk = Problem.Shape.Chunk;
        for (int i = 0; i < rows; i++)
        {
            Vector512<float> gamma = Vector512.Create(Gamma[i]), rest = Vector512.Create(GammaRest[i]), beta = Vector512.Create(-Beta[i]);
            var index = Vector512.Create(i);
            for (int j = 0; j < chunk; j += Lanes)
            {
                int at = (i * chunk) + j;
                Vector512<int> columns = Vector512<int>.Indices + Vector512.Create(j);
                Vector512<float> seen = i < count ? Vector512.LessThanOrEqual(columns, index).AsSingle() : default;
                Vector512<float> before = Vector512.LessThan(columns, index).AsSingle();
                Vector512<float> power = (gamma - Vector512.Load(Gamma + j)) + (rest - Vector512.Load(GammaRest + j));
                Vector512<float> decay = j <= i ? Exp(power) & seen : default;
                decay.Store(Decay + at);
                (beta * (decay & before) * Vector512.Load(MinusA + at)).Store(MinusA + at);
                (decay * Vector512.Load(B + at)).Store(B + at);
            }
        }
    }

    // U <- (I + A)^-1 U: blocks of four rows, each less what the rows above it contribute, then the rows of a block by each other.
    private void SolveLower(int rows)
    {
        int chunk = Problem.Shape.Chunk, values = Problem.PaddedValueDim;
        for (int first = 0; first < rows; first += TileProduct.Rows)
        {
            float* a = MinusA + (first * chunk), u = U + (first * values);
            if (first > 0)
            {
                TileProduct.FourRows(a, chunk, 1, U, values, u, values, first, values / Lanes, accumulate: true);
            }

            for (int i = 1; i < TileProduct.Rows; i++)
            {
                for (int j = 0; j < i; j++)
                {
                    AddRow(u + (j * values), a[(i * chunk) + first + j], u + (i * values), values);
                }
            }
        }
    }

    /// <summary>Y <c>[C, Dv]</c> = (I + A)^-T Y, in place, from the last row up.</summary>
    public void SolveTransposed(float* y, int rows)
    {
        int chunk = Problem.Shape.Chunk, values = Problem.PaddedValueDim;
        for (int first = rows - TileProduct.Rows; first >= 0; first -= TileProduct.Rows)
        {
            int below = first + TileProduct.Rows;
            float* block = y + (first * values);
            if (below < rows)
            {
                TileProduct.FourRows(
                    MinusA + (below * chunk) + first, 1, chunk, y + (below * values), values, block, values, rows - below, values / Lanes,
                    accumulate: true);
            }

            for (int j = TileProduct.Rows - 2; j >= 0; j--)
            {
                for (int i = j + 1; i < TileProduct.Rows; i++)
                {
                    AddRow(block + (i * values), MinusA[((first + i) * chunk) + first + j], block + (j * values), values);
                }
            }
        }
    }

    private static void AddRow(float* from, float factor, float* to, int columns)
    {
        var all = Vector512.Create(factor);
        for (int c = 0; c < columns; c += Lanes)
        {
            Vector512.FusedMultiplyAdd(all, Vector512.Load(from + c), Vector512.Load(to + c)).Store(to + c);
        }
    }
}
