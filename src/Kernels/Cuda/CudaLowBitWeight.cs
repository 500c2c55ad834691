using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Codes and scales of a frozen weight on the device, as native/cuda/common/low_bit.cuh reads them, in one piece of memory.
/// </summary>
internal sealed class CudaLowBitWeight : LowBitWeight
{
    private const int WordBytes = 4;
    private const int WholeRow = 31;

    private readonly CudaSession _session;
    private readonly CudaStorage _storage;
    private readonly Tensor _codes;
    private readonly Tensor _scales;
    private readonly Tensor _rowScales;
    private readonly Tensor _tables;
    private readonly int _scaleStride;

    /// <summary>Memory for the weight, and its tables; rows are undefined until loaded.</summary>
    /// <exception cref="ArgumentException">Rows of this many columns do not fit the layout.</exception>
    /// <exception cref="Driver.CudaException">Out of device memory.</exception>
    public CudaLowBitWeight(CudaSession session, int outFeatures, int inFeatures, LowBitLayout layout, LowBitTables tables)
        : base(outFeatures, inFeatures, layout)
    {
        if (!layout.Fits(inFeatures) || tables.Codes.Length != (layout.Code == LowBitCode.Nf4 ? 16 : 0)
            || tables.Scales.Length != (IsCoded ? 256 : 0))
        {
            throw new ArgumentException($"Rows of {inFeatures} columns, or the tables, do not fit {layout}.", nameof(layout));
        }

        _session = session;
        int blocks = layout.Blocks(inFeatures);
        _scaleStride = IsCoded ? LaunchChecks.Blocks(blocks, WordBytes) * WordBytes : blocks;
        int codeWords = layout.CodeBytes(inFeatures) / WordBytes, scaleWords = IsCoded ? _scaleStride / WordBytes : blocks;
        int rowWords = IsCoded ? LowBitLayout.RowHeader + layout.Groups(inFeatures) : 0;
        float[] all = tables.All;
        long words = ((long)outFeatures * (codeWords + scaleWords + rowWords)) + all.Length;
        _storage = new CudaStorage(session.Device, words * WordBytes);
        long at = 0;
        Tensor Take(DType type, int rows, int columns)
        {
            Tensor part = new(_storage, at, type, new Shape(rows, columns));
            at += part.Shape.Count * WordBytes;
            return part;
        }

        _codes = Take(DType.I32, outFeatures, codeWords);
        _scales = Take(IsCoded ? DType.I32 : DType.F32, outFeatures, scaleWords);
        _rowScales = Take(DType.F32, outFeatures, rowWords);
        _tables = Take(DType.F32, 1, all.Length);
        session.Transfers.Upload<float>(all, _tables);
    }

    private bool IsCoded => Layout.NestedBlocks > 0;

    /// <summary>The weight as kernels take it.</summary>
    public LowBitWeightLaunch Describe() => new()
    {
        Codes = _codes.Address,
        Scales = IsCoded ? 0 : _scales.Address,
        ScaleCodes = IsCoded ? _scales.Address : 0,
        RowScales = IsCoded ? _rowScales.Address : 0,
        Tables = _tables.Address,
        Rows = OutFeatures,
        Columns = InFeatures,
        BlockShift = Layout.BlockColumns == 0 ? WholeRow : int.Log2(Layout.BlockColumns),
        ScaleStride = _scaleStride,
        Groups = Layout.Groups(InFeatures),
        GroupShift = IsCoded ? int.Log2(Layout.NestedBlocks) : 0,
    };

    /// <inheritdoc/>
    public override void LoadRows(int firstRow, LowBitRows rows)
    {
        int bytes = Layout.CodeBytes(InFeatures), blocks = Layout.Blocks(InFeatures), count = rows.Codes.Length / bytes;
        int scaleCount = count * blocks, ofRow = IsCoded ? LowBitLayout.RowHeader + Layout.Groups(InFeatures) : 0;
        if (rows.Codes.Length != count * bytes || rows.Scales.Length != (IsCoded ? 0 : scaleCount)
            || rows.ScaleCodes.Length != (IsCoded ? scaleCount : 0)
            || rows.RowScales.Length != count * ofRow)
        {
            throw new ArgumentException($"Codes and scales are no whole rows of {InFeatures} columns in {Layout}.", nameof(rows));
        }

        _session.Transfers.Upload<byte>(rows.Codes, _codes.SliceRows(firstRow, count));
        if (!IsCoded)
        {
            _session.Transfers.Upload<float>(rows.Scales, _scales.SliceRows(firstRow, count));
            return;
        }

        byte[] padded = new byte[count * _scaleStride];
        for (int row = 0; row < count; row++)
        {
            rows.ScaleCodes.AsSpan(row * blocks, blocks).CopyTo(padded.AsSpan(row * _scaleStride));
        }

        _session.Transfers.Upload<byte>(padded, _scales.SliceRows(firstRow, count));
        _session.Transfers.Upload<float>(rows.RowScales, _rowScales.SliceRows(firstRow, count));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _storage.Dispose();
}
