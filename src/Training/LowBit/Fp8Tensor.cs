using Rm.Formats.Safetensors;
using Rm.Kernels.Ops;

namespace Rm.Training.LowBit;

/// <summary>
/// fp8 (e4m3, Micikevicius et al. 2022) with float scales: one, one a row (weight_scale, compressed-tensors), or one a block
/// (weight_scale_inv, which is the scale itself); value = code * scale.
/// </summary>
internal sealed class Fp8Tensor : LowBitTensor
{
    private readonly string _scaleName;
    private readonly float[] _scales;
    private readonly long _rowsPerScale;
    private readonly long _columnsPerScale;
    private readonly long _scalesPerRow;

    public Fp8Tensor(SafetensorsCheckpoint checkpoint, string name, string module, int blockSize)
        : base(checkpoint, name, checkpoint.Tensor(name).Shape is { Length: 2 } shape ? shape : [0, 0])
    {
        Require(name, Count, SafetensorsDType.F8E4M3);
        _scaleName = checkpoint.Contains(module + ".weight_scale") ? module + ".weight_scale" : module + ".weight_scale_inv";
        if (!checkpoint.Contains(_scaleName))
        {
            throw Error(name, $"is F8_E4M3, and there is neither {module}.weight_scale nor {module}.weight_scale_inv.");
        }

        SafetensorsTensor scale = checkpoint.Tensor(_scaleName);
        long rows = Shape[0], blockRows = (rows + blockSize - 1) / blockSize, blockColumns = (Columns + blockSize - 1) / blockSize;
        (_rowsPerScale, _columnsPerScale) = scale.ElementCount switch
        {
            1 => (rows, Columns),
            var n when n == rows && (scale.Shape.Length == 1 || scale.Shape[^1] == 1) => (1, Columns),
            var n when scale.Shape.Length == 2 && scale.Shape[0] == blockRows && scale.Shape[1] == blockColumns && n > 0 =>
                (blockSize, blockSize),
            _ => throw Error(
                _scaleName, $"is {scale.ShapeText}; expected one scale, one a row or one a block of {blockSize} x {blockSize} of {name}."),
        };
        Require(_scaleName, scale.ElementCount, SafetensorsDType.F32, SafetensorsDType.BF16, SafetensorsDType.F16);
        _scales = ReadAll(_scaleName);
        _scalesPerRow = (Columns + _columnsPerScale - 1) / _columnsPerScale;
    }

    /// <inheritdoc/>
    public override LowBitLayout? Layout =>
        IfItFits(new LowBitLayout(LowBitCode.Fp8, _columnsPerScale == Columns ? 0 : (int)_columnsPerScale));

    /// <inheritdoc/>
    public override IEnumerable<string> Names => [Name, _scaleName];

    /// <inheritdoc/>
    public override void Read(Span<float> destination, long start)
    {
        byte[] codes = new byte[destination.Length];
        ReadBytes(Name, codes, start);
        for (int i = 0; i < codes.Length; i++)
        {
            long row = (start + i) / Columns, column = (start + i) % Columns;
            destination[i] = Fp8Code.Values[codes[i]] * _scales[(row / _rowsPerScale * _scalesPerRow) + (column / _columnsPerScale)];
        }
    }

    /// <inheritdoc/>
    public override LowBitRows ReadRows(int first, int count)
    {
        int blocks = (int)_scalesPerRow;
        float[] scales = new float[count * blocks];
        for (int row = 0; row < count; row++)
        {
            _scales.AsSpan((int)((first + row) / _rowsPerScale * _scalesPerRow), blocks).CopyTo(scales.AsSpan(row * blocks));
        }

        return new LowBitRows(ReadCodes(first, count), scales, [], []);
    }
}
