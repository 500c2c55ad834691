using Rm.Kernels.Ops;

namespace Rm.Kernels.Checks;

/// <summary>
/// A matrix in few bits near given numbers, and the values that it stands for: int8 and fp8 with a scale a row, NF4 double quantised.
/// </summary>
internal sealed class LowBitNumbers
{
    private const int Codes = 16, ScaleCodes = 256, BlockColumns = 64, NestedBlocks = 4;

    private readonly byte[] _codes;
    private readonly float[] _scales;
    private readonly byte[] _scaleCodes;
    private readonly float[] _rowScales;

    private LowBitNumbers(LowBitCode code, int rows, int columns)
    {
        bool isDouble = code == LowBitCode.Nf4;
        Layout = new LowBitLayout(code, isDouble ? BlockColumns : 0, isDouble ? NestedBlocks : 0);
        Tables = new LowBitTables(
            isDouble ? [.. Enumerable.Range(0, Codes).Select(static i => (float)((2 * i) + 1 - Codes) / (Codes - 1))] : [],
            isDouble ? [.. Enumerable.Range(0, ScaleCodes).Select(static i => i / (float)(ScaleCodes - 1))] : []);
        _codes = new byte[rows * Layout.CodeBytes(columns)];
        _scales = new float[isDouble ? 0 : rows];
        _scaleCodes = new byte[isDouble ? rows * Layout.Blocks(columns) : 0];
        _rowScales = new float[isDouble ? rows * (LowBitLayout.RowHeader + Layout.Groups(columns)) : 0];
        Values = new float[rows * columns];
    }

    public LowBitLayout Layout { get; }

    public LowBitTables Tables { get; }

    /// <summary>All rows, as a device takes them.</summary>
    public LowBitRows Rows => new(_codes, _scales, _scaleCodes, _rowScales);

    /// <summary>The values, <c>[rows, columns]</c>.</summary>
    public float[] Values { get; }

    /// <summary>The matrix nearest to <paramref name="numbers"/>, <c>[rows, columns]</c>.</summary>
    public static LowBitNumbers Near(LowBitCode code, float[] numbers, int columns)
    {
        int rows = numbers.Length / columns;
        LowBitNumbers near = new(code, rows, columns);
        float largest = numbers.Max(MathF.Abs);
        for (int row = 0; row < rows; row++)
        {
            Span<float> values = near.Values.AsSpan(row * columns, columns);
            numbers.AsSpan(row * columns, columns).CopyTo(values);
            if (code == LowBitCode.Nf4)
            {
                near.QuantizeInBlocks(row, values, largest);
            }
            else
            {
                near.QuantizeRow(row, values, largest);
            }
        }

        return near;
    }

    private void QuantizeRow(int row, Span<float> values, float largest)
    {
        bool isInteger = Layout.Code == LowBitCode.Int8;
        float scale = largest / (isInteger ? sbyte.MaxValue : Fp8Code.Largest);
        _scales[row] = scale;
        for (int i = 0; i < values.Length; i++)
        {
            float scaled = values[i] / scale;
            byte code = isInteger ? unchecked((byte)(sbyte)MathF.Round(scaled)) : Fp8Code.Nearest(scaled);
            _codes[(row * values.Length) + i] = code;
            values[i] = (isInteger ? unchecked((sbyte)code) : Fp8Code.Values[code]) * scale;
        }
    }

    // Scales between a half and the whole of the largest number, from groups that run on over the ends of rows.
    private void QuantizeInBlocks(int row, Span<float> values, float largest)
    {
        int blocks = Layout.Blocks(values.Length), first = row * blocks, groups = Layout.Groups(values.Length);
        Span<float> header = _rowScales.AsSpan(row * (LowBitLayout.RowHeader + groups), LowBitLayout.RowHeader + groups);
        header[0] = largest / 2;
        header[1] = BitConverter.Int32BitsToSingle(NestedBlocks - (first % NestedBlocks));
        for (int group = 0; group < groups; group++)
        {
            header[LowBitLayout.RowHeader + group] = NestedOf((first / NestedBlocks) + group, largest);
        }

        for (int i = 0; i < values.Length; i++)
        {
            int block = first + (i / BlockColumns);
            byte scaleCode = unchecked((byte)(block * 37));
            _scaleCodes[block] = scaleCode;
            float scale = (float)(Tables.Scales[scaleCode] * NestedOf(block / NestedBlocks, largest)) + header[0];
            int code = Math.Clamp((int)MathF.Round(((values[i] / scale * (Codes - 1)) + Codes - 1) / 2), 0, Codes - 1);
            _codes[((row * values.Length) + i) / 2] |= (byte)(i % 2 == 0 ? code << 4 : code);
            values[i] = Tables.Codes[code] * scale;
        }
    }

    private static float NestedOf(int group, float largest) => largest / (2 + (group % 3));
}
