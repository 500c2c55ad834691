using System.Buffers;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// A weight on the device, <c>[OutFeatures, InFeatures]</c>: bfloat16 with rows padded to multiples of 16 bytes, or float32 without gaps.
/// One copy serves both directions: the kernels read it row by row for y and column by column for dX. Frozen, unless derived from.
/// </summary>
internal class CudaLinearWeight : LinearWeight
{
    private readonly CudaSession _session;
    private readonly CudaStorage? _storage;

    /// <summary>Memory for the weight; contents are undefined until loaded.</summary>
    /// <param name="session">Where the weight is.</param>
    /// <param name="outFeatures">Rows.</param>
    /// <param name="inFeatures">Columns.</param>
    /// <param name="dtype">Storage type, that of activations.</param>
    /// <exception cref="Driver.CudaException">Out of device memory.</exception>
    public CudaLinearWeight(CudaSession session, int outFeatures, int inFeatures, DType dtype = DType.BF16)
        : this(session, outFeatures, inFeatures, dtype, null)
    {
    }

    /// <summary>A weight in memory of its own, or in that of <paramref name="values"/>.</summary>
    protected CudaLinearWeight(CudaSession session, int outFeatures, int inFeatures, DType dtype, Tensor? values)
        : base(outFeatures, inFeatures)
    {
        _session = session;
        if (values is { } elsewhere)
        {
            Values = elsewhere;
            return;
        }

        int elements = dtype == DType.F32 ? 1 : LaunchChecks.PacketBytes / dtype.Size();
        int stride = checked(LaunchChecks.Blocks(inFeatures, elements) * elements);
        _storage = new CudaStorage(session.Device, (long)outFeatures * stride * dtype.Size());
        Values = new Tensor(_storage, 0, dtype, new Shape(outFeatures, inFeatures), stride);
    }

    /// <inheritdoc/>
    public override bool IsTrainable => false;

    /// <summary>The weight, <c>[OutFeatures, InFeatures]</c>, rows possibly apart.</summary>
    public Tensor Values { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException"><paramref name="values"/> is not whole rows, or reaches beyond the last one.</exception>
    public override void Load(int firstRow, ReadOnlySpan<float> values)
    {
        int rows = values.Length / InFeatures;
        if (rows * InFeatures != values.Length)
        {
            throw new ArgumentException($"{values.Length} values are no whole number of rows of {InFeatures}.", nameof(values));
        }

        Tensor target = Values.SliceRows(firstRow, rows);
        if (target.DType == DType.F32)
        {
            _session.Transfers.Upload(values, target);
            return;
        }

        Tensor padded = new(Values.Storage, target.ByteOffset, DType.BF16, new Shape(rows, Values.RowStride));

        // A few megabytes at a time: rows of a fused layer can be gigabytes.
        int chunk = Math.Clamp((4 << 20) / Values.RowStride, 1, Math.Max(1, rows));
        ushort[] rounded = ArrayPool<ushort>.Shared.Rent(chunk * Values.RowStride);
        try
        {
            for (int row = 0; row < rows; row += chunk)
            {
                int count = Math.Min(chunk, rows - row);
                for (int i = 0; i < count; i++)
                {
                    Span<ushort> padding = rounded.AsSpan(i * Values.RowStride, Values.RowStride);
                    BFloat16s.Round(values.Slice((row + i) * InFeatures, InFeatures), padding);
                    padding[InFeatures..].Clear();
                }

                _session.Transfers.Upload<ushort>(rounded.AsSpan(0, count * Values.RowStride), padded.SliceRows(row, count));
            }
        }
        finally
        {
            ArrayPool<ushort>.Shared.Return(rounded);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _storage?.Dispose();
}
