using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// DoRA (Liu et al. 2024): column i of the layer's output is multiplied by m_i / |W_i + s B_i A|, with trained m; the norm is a constant in
/// the gradient, as in PEFT. The norm after each step comes from |W_i|^2 + 2 s B_i (A W^T)_i + s^2 B_i (A A^T) B_i^T, so W is read by one
/// product.
/// </summary>
internal sealed class DoraMagnitude : IDisposable
{
    private readonly int _out;
    private readonly int _in;
    private readonly IReadOnlyList<AdaptedSlice> _adapted;
    private readonly long[] _offsets;
    private readonly double[] _squares;
    private Tensor[] _magnitudes = [];
    private Tensor?[] _gradients = [];
    private LinearWeight? _weight;
    private LoraFactors? _factors;
    private PreparedLayout? _layout;
    private Tensor _inverseNorms;

    public DoraMagnitude(
        ParameterLayoutBuilder layout, ModelConfig config, int layer, int outFeatures, int inFeatures, IReadOnlyList<AdaptedSlice> adapted)
    {
        _out = outFeatures;
        _in = inFeatures;
        _adapted = adapted;
        _squares = new double[outFeatures];
        _offsets =
        [
            .. adapted.Select(a => layout.FindOrAddVectors(
                ParameterKind.Magnitude,
                [(WeightNames.Path(layer, a.Slice.Module) + ".lora_magnitude_vector", config.Sizes(a.Slice.Module).Out)])
                + a.Slice.First),
        ];
    }

    /// <summary>m / norm of each column, 1 where a column is not adapted, <c>[1, Out]</c>.</summary>
    public Tensor Factors { get; private set; }

    /// <summary>Takes rows of W while they are loaded.</summary>
    public void AddWeightRows(int firstRow, ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            _squares[firstRow + (i / _in)] += (double)values[i] * values[i];
        }
    }

    /// <summary>
    /// Sets m to the norms of the base, where a new adapter begins; <see cref="Refresh"/> follows when m comes from a file.
    /// </summary>
    public void Load(IBackend backend, ParameterBuffer parameters, LinearWeight weight, LoraFactors factors)
    {
        (_weight, _factors) = (weight, factors);
        var builder = new SequenceLayoutBuilder();
        builder.AddSequence([0], 0);
        _layout = backend.Prepare(builder.Build());
        _magnitudes = [.. _adapted.Select((a, i) => parameters.ValueView(_offsets[i], new Shape(1, a.Slice.Rows)))];
        _gradients = [.. _adapted.Select((a, i) => parameters.GradientView(_offsets[i], new Shape(1, a.Slice.Rows)))];
        Factors = backend.AllocatePersistent(DType.F32, new Shape(1, _out));
        _inverseNorms = backend.AllocatePersistent(DType.F32, new Shape(1, _out));
        for (int i = 0; i < _adapted.Count; i++)
        {
            AdaptedSlice a = _adapted[i];
            backend.Upload<float>([.. _squares.Skip(a.Column).Take(a.Slice.Rows).Select(s => (float)Math.Sqrt(s))], _magnitudes[i]);
        }

        Refresh(backend);
    }

    /// <summary>Adds the gradient of m and of the bias; returns the gradient of the unscaled output.</summary>
    public Tensor Backward(ModelContext c, Tensor dY, Tensor unscaled, Tensor? dBias)
    {
        Tensor dUnscaled = c.Activation(dY.Rows, _out);
        c.Backend.ScaleAdd(new ScaleAddArgs(dY, 1, Z: null, dUnscaled) { ColumnScale = Factors });
        long mark = c.Arena.Mark;
        if (_gradients.Any(g => g is not null))
        {
            Tensor sums = c.Float(1, _out);
            c.Backend.Fill(sums, 0);
            c.Backend.ColumnDot(new ColumnDotArgs(dY, unscaled, sums));
            for (int i = 0; i < _adapted.Count; i++)
            {
                AdaptedSlice a = _adapted[i];
                Tensor gradient = _gradients[i]!.Value;
                c.Backend.ScaleAdd(new ScaleAddArgs(sums.SliceColumns(a.Column, a.Slice.Rows), 1, gradient, gradient)
                {
                    ColumnScale = _inverseNorms.SliceColumns(a.Column, a.Slice.Rows),
                });
            }
        }

        if (dBias is { } target)
        {
            Tensor ones = c.Activation(dY.Rows, _out);
            c.Backend.Fill(ones, 1);
            c.Backend.ColumnDot(new ColumnDotArgs(dY, ones, target));
        }

        c.Arena.Release(mark);
        return dUnscaled;
    }

    /// <summary>Computes the norms and the factors of the present A, B and m.</summary>
    public void Refresh(IBackend backend)
    {
        int ranks = _factors!.TotalRank;
        float[] a = new float[ranks * _in];
        backend.Download(_factors.A, a);
        float[] products = Products(backend, a, ranks);
        float[] factors = new float[_out], inverse = new float[_out];
        Array.Fill(factors, 1);
        for (int i = 0; i < _adapted.Count; i++)
        {
            AdaptedSlice slice = _adapted[i];
            LoraPart part = _factors.Parts[i];
            double scale = _factors.ScaleOf(part);
            float[] b = new float[part.Columns * part.Rank], m = new float[part.Columns];
            backend.Download(part.B, b);
            backend.Download(_magnitudes[i], m);
            double[,] gram = Gram(a, part);
            for (int row = 0; row < part.Columns; row++)
            {
                double cross = 0, square = 0;
                for (int r = 0; r < part.Rank; r++)
                {
                    double factor = b[(row * part.Rank) + r];
                    cross += factor * products[((part.RankRow + r) * _out) + slice.Column + row];
                    for (int s = 0; s < part.Rank; s++)
                    {
                        square += factor * b[(row * part.Rank) + s] * gram[r, s];
                    }
                }

                double norm = Math.Sqrt(Math.Max(0, _squares[slice.Column + row] + (2 * scale * cross) + (scale * scale * square)));
                inverse[slice.Column + row] = (float)(1 / norm);
                factors[slice.Column + row] = (float)(m[row] / norm);
            }
        }

        backend.Upload<float>(factors, Factors);
        backend.Upload<float>(inverse, _inverseNorms);
    }

    public void Dispose()
    {
        _layout?.Dispose();
        Factors.Storage?.Dispose();
        _inverseNorms.Storage?.Dispose();
    }

    // A W^T, [R, Out].
    private float[] Products(IBackend backend, float[] a, int ranks)
    {
        using TensorArena arena = backend.CreateArena();
        int stride = (_in + 7) / 8 * 8;
        Tensor padded = arena.Allocate(backend.ActivationDType, new Shape(ranks, stride));
        Tensor y = arena.Allocate(backend.ActivationDType, new Shape(ranks, _out));
        float[] rows = new float[ranks * stride];
        for (int r = 0; r < ranks; r++)
        {
            a.AsSpan(r * _in, _in).CopyTo(rows.AsSpan(r * stride));
        }

        ActivationTransfers.Upload(backend, rows, padded);
        backend.LinearForward(new LinearForwardArgs(_layout!, padded.SliceColumns(0, _in), _weight!, null, null, null, null, y));
        return ActivationTransfers.Download(backend, y);
    }

    private double[,] Gram(float[] a, LoraPart part)
    {
        double[,] gram = new double[part.Rank, part.Rank];
        for (int r = 0; r < part.Rank; r++)
        {
            for (int s = 0; s < part.Rank; s++)
            {
                for (int c = 0; c < _in; c++)
                {
                    gram[r, s] += (double)a[((part.RankRow + r) * _in) + c] * a[((part.RankRow + s) * _in) + c];
                }
            }
        }

        return gram;
    }
}
