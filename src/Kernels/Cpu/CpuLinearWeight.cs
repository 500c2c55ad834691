using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu;

/// <summary>A weight under training, used straight from its master.</summary>
internal sealed class TrainableCpuWeight(Tensor master) : LinearWeight(master.Rows, master.Columns)
{
    /// <summary>The float32 master, <c>[Out, In]</c>.</summary>
    public F32View Master => F32View.Of(master, nameof(master));

    /// <inheritdoc/>
    public override bool IsTrainable => true;

    /// <inheritdoc/>
    public override void Load(int firstRow, ReadOnlySpan<float> values) =>
        throw new InvalidOperationException("A trainable weight is loaded by uploading its master.");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }
}

/// <summary>
/// A frozen weight in the panels that the GEMM reads, one set per direction. Rows are staged until the last one is there, then packed;
/// weights that bfloat16 holds exactly take half the memory, with the same results to the bit.
/// </summary>
internal sealed unsafe class FrozenCpuWeight : LinearWeight
{
    private readonly CpuMemory _memory;
    private readonly CpuThreads _threads;
    private readonly bool _needsInputGradient;
    private readonly bool[] _loaded;
    private int _missing;
    private TensorStorage? _staging;
    private PackedMatrix? _forward;
    private PackedMatrix? _backward;
    private bool _disposed;

    public FrozenCpuWeight(CpuMemory memory, CpuThreads threads, int outFeatures, int inFeatures, bool needsInputGradient)
        : base(outFeatures, inFeatures)
    {
        _memory = memory;
        _threads = threads;
        _needsInputGradient = needsInputGradient;
        _loaded = new bool[outFeatures];
        _missing = outFeatures;
    }

    /// <inheritdoc/>
    public override bool IsTrainable => false;

    /// <summary>Packed for y = x W^T.</summary>
    /// <exception cref="InvalidOperationException">Rows are missing.</exception>
    public PackedMatrix Forward => _forward ?? throw NotReady();

    /// <summary>Packed for dX = dY W.</summary>
    /// <exception cref="InvalidOperationException">Rows are missing, or the weight was created without input gradient.</exception>
    public PackedMatrix Backward => _backward ?? throw (_needsInputGradient ? NotReady()
        : new InvalidOperationException("The weight was created without needsInputGradient, so it cannot give dX."));

    /// <inheritdoc/>
    public override void Load(int firstRow, ReadOnlySpan<float> values)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int rows = values.Length / InFeatures;
        if (firstRow < 0 || rows * InFeatures != values.Length || firstRow > OutFeatures - rows)
        {
            throw new ArgumentException(
                $"{values.Length} values from row {firstRow} on are no whole rows of a [{OutFeatures}, {InFeatures}] weight.",
                nameof(values));
        }

        if (_loaded.AsSpan(firstRow, rows).Contains(true))
        {
            throw new ArgumentException($"Some of the rows {firstRow}..{firstRow + rows} are loaded already.", nameof(firstRow));
        }

        _loaded.AsSpan(firstRow, rows).Fill(true);
        _missing -= rows;
        if (rows == OutFeatures)
        {
            Pack(values);
            return;
        }

        _staging ??= _memory.Allocate((long)OutFeatures * InFeatures * sizeof(float));
        var staging = new Span<float>((float*)_staging.Address, checked(OutFeatures * InFeatures));
        values.CopyTo(staging[(firstRow * InFeatures)..]);
        if (_missing == 0)
        {
            Pack(staging);
            _staging.Dispose();
            _staging = null;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_disposed && disposing)
        {
            _disposed = true;
            _staging?.Dispose();
            _memory.Track(-((_forward?.Bytes ?? 0) + (_backward?.Bytes ?? 0)));
            _forward?.Dispose();
            _backward?.Dispose();
            _forward = null;
            _backward = null;
        }
    }

    private void Pack(ReadOnlySpan<float> values)
    {
        var matrix = new ReadOnlyMatrix(values, OutFeatures, InFeatures);
        try
        {
            _forward = PackedMatrix.PackTransposed(matrix, _threads, allowBfloat16: true);
            _memory.Track(_forward.Bytes);
            if (_needsInputGradient)
            {
                _backward = PackedMatrix.Pack(matrix, _threads, allowBfloat16: true);
                _memory.Track(_backward.Bytes);
            }
        }
        catch (OutOfMemoryException e)
        {
            throw _memory.Refused((long)OutFeatures * InFeatures * sizeof(float), e);
        }
    }

    private InvalidOperationException NotReady() =>
        new(_disposed ? "The weight is disposed." : $"{_missing} of {OutFeatures} rows of the weight are not loaded yet.");
}
