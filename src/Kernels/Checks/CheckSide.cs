using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Checks;

/// <summary>
/// The arguments of one check on one of the two backends. Values depend on a tensor's name alone and are rounded to the checked device's
/// activation type, so that both backends compute from the same numbers. Outputs start as NaN: what an operation leaves out shows.
/// </summary>
internal sealed class CheckSide : IDisposable
{
    private readonly DType _rounding;
    private readonly List<IDisposable> _owned = [];
    private readonly List<(string Name, Tensor View, Tensor Block)> _outputs = [];
    private readonly List<(string Name, float Value)> _scalars = [];

    /// <summary>An empty side.</summary>
    /// <param name="backend">Where the arguments are.</param>
    /// <param name="rounding">Activation type of the device under check.</param>
    public CheckSide(IBackend backend, DType rounding)
    {
        Backend = backend;
        _rounding = rounding;
        Scratch = backend.CreateArena();
        _owned.Add(Scratch);
    }

    public IBackend Backend { get; }

    public TensorArena Scratch { get; }

    /// <summary>An activation that is read; at least <paramref name="gap"/> elements, all NaN, lie between its rows.</summary>
    public Tensor Input(string name, int rows, int columns, double scale = 1, int gap = 0) =>
        Create(name, Backend.ActivationDType, rows, columns, scale, Gap(columns, gap)).View;

    /// <summary>A float32 argument that is read.</summary>
    public Tensor Float(string name, int rows, int columns, double scale = 1) => Create(name, DType.F32, rows, columns, scale, 0).View;

    /// <summary>An activation that is written.</summary>
    public Tensor Output(string name, int rows, int columns, int gap = 0) =>
        Compare(name, Create(name, Backend.ActivationDType, rows, columns, double.NaN, Gap(columns, gap)));

    /// <summary>A float32 result.</summary>
    public Tensor FloatOutput(string name, int rows, int columns) => Compare(name, Create(name, DType.F32, rows, columns, double.NaN, 0));

    /// <summary>An activation that is added to or changed in place.</summary>
    public Tensor InOut(string name, int rows, int columns, int gap = 0) =>
        Compare(name, Create(name, Backend.ActivationDType, rows, columns, 1, Gap(columns, gap)));

    /// <summary>A float32 tensor that is added to or changed in place.</summary>
    public Tensor FloatInOut(string name, int rows, int columns, double scale = 1) =>
        Compare(name, Create(name, DType.F32, rows, columns, scale, 0));

    /// <summary>Numbers of experts that are read, <c>[rows, any]</c>.</summary>
    public Tensor Indices(int[] values, int rows)
    {
        Tensor tensor = Backend.AllocatePersistent(DType.I32, new Shape(rows, values.Length / rows));
        _owned.Add(tensor.Storage);
        Backend.Upload<int>(values, tensor);
        return tensor;
    }

    /// <summary>Numbers of experts that are written.</summary>
    public Tensor IndexOutput(string name, int rows, int columns)
    {
        Tensor tensor = Indices([.. Enumerable.Repeat(-1, rows * columns)], rows);
        return Compare(name, (tensor, tensor));
    }

    /// <summary>A result that is a number.</summary>
    public void Report(string name, double value)
    {
        _scalars.Clear();
        _scalars.Add((name, (float)value));
    }

    public PreparedLayout Prepare(SequenceLayout layout)
    {
        PreparedLayout prepared = Backend.Prepare(layout);
        _owned.Add(prepared);
        return prepared;
    }

    /// <summary>A frozen weight with values of variance 1 / inputs.</summary>
    public LinearWeight Weight(string name, int outputs, int inputs)
    {
        LinearWeight weight = Backend.CreateFrozenWeight(outputs, inputs, needsInputGradient: true);
        _owned.Add(weight);
        weight.Load(0, Values(name, outputs * inputs, 1 / Math.Sqrt(inputs)));
        return weight;
    }

    /// <summary>A frozen weight in few bits, or its values where the backend keeps none so; of variance 1 / inputs.</summary>
    public LinearWeight LowBitWeight(string name, int outputs, int inputs, LowBitCode code)
    {
        var numbers = LowBitNumbers.Near(code, Values(name, outputs * inputs, 1 / Math.Sqrt(inputs)), inputs);
        if (Backend.CreateLowBitWeight(outputs, inputs, numbers.Layout, numbers.Tables) is { } weight)
        {
            _owned.Add(weight);
            weight.LoadRows(0, numbers.Rows);
            return weight;
        }

        if (_rounding == DType.BF16)
        {
            RoundInPlace(numbers.Values);
        }

        LinearWeight plain = Backend.CreateFrozenWeight(outputs, inputs, needsInputGradient: true);
        _owned.Add(plain);
        plain.Load(0, numbers.Values);
        return plain;
    }

    /// <summary>A weight under training with values of variance 1 / inputs.</summary>
    public LinearWeight TrainableWeight(string name, int outputs, int inputs)
    {
        Tensor master = Create(name, DType.F32, outputs, inputs, 1 / Math.Sqrt(inputs), 0).View;
        LinearWeight weight = Backend.CreateTrainableWeight(master);
        _owned.Add(weight);
        Backend.Refresh(weight);
        return weight;
    }

    /// <summary>The outputs now: name, values without gaps, and whether they are stored as bfloat16.</summary>
    public List<(string Name, float[] Values, bool IsBF16)> Read()
    {
        Backend.Synchronize();
        List<(string, float[], bool)> results = [];
        foreach ((string name, Tensor view, Tensor block) in _outputs)
        {
            float[] all = Download(block);
            results.Add((name, view.IsContiguous ? all : Packed(all, view), view.DType == DType.BF16));
        }

        results.AddRange(_scalars.Select(static scalar => (scalar.Name, new[] { scalar.Value }, false)));
        return results;
    }

    public void Dispose()
    {
        Backend.Synchronize();
        _owned.Reverse();
        _owned.ForEach(static owned => owned.Dispose());
    }

    // Rows that are apart start at multiples of eight elements, as those of all activations do.
    private static int Gap(int columns, int gap) => gap == 0 ? 0 : ((columns + gap + 7) / 8 * 8) - columns;

    private Tensor Compare(string name, (Tensor View, Tensor Block) tensor)
    {
        _outputs.Add((name, tensor.View, tensor.Block));
        return tensor.View;
    }

    private (Tensor View, Tensor Block) Create(string name, DType dtype, int rows, int columns, double scale, int gap)
    {
        // Like an operation's caller, without a gap behind the only row of a vector.
        int stride = rows == 1 ? columns : columns + gap;
        Tensor block = Backend.AllocatePersistent(dtype, new Shape(rows, stride));
        _owned.Add(block.Storage);
        float[] values = Values(name, rows * columns, scale);
        float[] padded = values;
        if (stride != columns)
        {
            padded = new float[rows * stride];
            Array.Fill(padded, float.NaN);
            for (int row = 0; row < rows; row++)
            {
                values.AsSpan(row * columns, columns).CopyTo(padded.AsSpan(row * stride));
            }
        }

        Upload(padded, block);
        return (new Tensor(block.Storage, block.ByteOffset, dtype, new Shape(rows, columns), stride), block);
    }

    private void Upload(float[] values, Tensor block)
    {
        if (block.DType == DType.F32)
        {
            Backend.Upload<float>(values, block);
            return;
        }

        ushort[] bits = new ushort[values.Length];
        BFloat16s.Round(values, bits);
        Backend.Upload<ushort>(bits, block);
    }

    private float[] Download(Tensor block)
    {
        float[] values = new float[block.Shape.Count];
        if (block.DType == DType.F32)
        {
            Backend.Download<float>(block, values);
            return values;
        }

        if (block.DType == DType.I32)
        {
            int[] numbers = new int[values.Length];
            Backend.Download<int>(block, numbers);
            return [.. numbers.Select(static number => (float)number)];
        }

        ushort[] bits = new ushort[values.Length];
        Backend.Download<ushort>(block, bits);
        for (int i = 0; i < bits.Length; i++)
        {
            values[i] = BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
        }

        return values;
    }

    private static float[] Packed(float[] all, Tensor view)
    {
        float[] values = new float[view.Shape.Count];
        for (int row = 0; row < view.Rows; row++)
        {
            all.AsSpan(row * view.RowStride, view.Columns).CopyTo(values.AsSpan(row * view.Columns));
        }

        return values;
    }

    // Uniform with standard deviation `scale`; NaN stays NaN.
    private float[] Values(string name, int count, double scale)
    {
        const double Width = 3.4641016151377544;
        float[] values = new float[count];
        ulong state = 14695981039346656037UL;
        foreach (char letter in name)
        {
            state = (state ^ letter) * 1099511628211UL;
        }

        float factor = (float)(scale * Width);
        for (int i = 0; i < count; i++)
        {
            // Xorshift64* (Vigna 2016): quick, and good in the upper bits.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            values[i] = (((uint)((state * 2685821657736338717UL) >> 40) * (1f / (1 << 24))) - 0.5f) * factor;
        }

        if (_rounding == DType.BF16 && !double.IsNaN(scale))
        {
            RoundInPlace(values);
        }

        return values;
    }

    private static void RoundInPlace(float[] values)
    {
        const int Chunk = 4096;
        Span<ushort> bits = stackalloc ushort[Chunk];
        for (int start = 0; start < values.Length; start += Chunk)
        {
            Span<float> part = values.AsSpan(start, Math.Min(Chunk, values.Length - start));
            BFloat16s.Round(part, bits);
            for (int i = 0; i < part.Length; i++)
            {
                part[i] = BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
            }
        }
    }
}
