using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.References;

/// <summary>A random matrix in few bits, and the values that it stands for, element by element from the formula.</summary>
internal sealed class LowBitReference
{
    private const int NestedBlocks = 4;

    private readonly byte[] _codes;
    private readonly float[] _scales;
    private readonly byte[] _scaleCodes;
    private readonly float[] _nested;
    private readonly float _offset;

    /// <summary>Codes of every kind; scales around 1 / sqrt(columns).</summary>
    /// <param name="code">What codes are.</param>
    /// <param name="blockColumns">Columns with one scale, 0 for a row.</param>
    /// <param name="isDouble">Whether scales are codes, in groups of four blocks that run on over the ends of rows.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="random">Draws them.</param>
    public LowBitReference(LowBitCode code, int blockColumns, bool isDouble, int rows, int columns, Random random)
    {
        Layout = new LowBitLayout(code, blockColumns, isDouble ? NestedBlocks : 0);
        (Rows, Columns) = (rows, columns);
        int blocks = Layout.Blocks(columns);
        double size = 1 / Math.Sqrt(columns) / (code switch { LowBitCode.Nf4 => 1, LowBitCode.Int8 => 127, _ => 448 });
        _codes = new byte[rows * Layout.CodeBytes(columns)];
        random.NextBytes(_codes);
        for (int i = 0; i < _codes.Length && code == LowBitCode.Fp8; i++)
        {
            // All ones is not a number; the smallest codes have no hidden bit.
            _codes[i] = (_codes[i] & 127) == 127 ? (byte)(i % 8) : _codes[i];
        }

        float Draw(double scale) => (float)(scale * (0.5 + random.NextDouble()));
        _scales = isDouble ? [] : [.. Enumerable.Range(0, rows * blocks).Select(_ => Draw(size))];
        for (int row = 2; row < rows && code == LowBitCode.Fp8; row += 3)
        {
            // Rows of the smallest codes alone, whose scales make them as large as the others: they would not be seen beside larger ones.
            int bytes = Layout.CodeBytes(columns);
            _codes.AsSpan(row * bytes, bytes).ToArray().Select(value => (byte)(value & 0x87)).ToArray().CopyTo(_codes, row * bytes);
            _scales.AsSpan(row * blocks, blocks).ToArray().Select(scale => scale * 32768).ToArray().CopyTo(_scales, row * blocks);
        }

        _scaleCodes = new byte[isDouble ? rows * blocks : 0];
        random.NextBytes(_scaleCodes);
        _nested = [.. Enumerable.Range(0, isDouble ? ((rows * blocks) + NestedBlocks - 1) / NestedBlocks : 0).Select(_ => Draw(size / 4))];
        _offset = isDouble ? Draw(size) : 0;
        Tables = new LowBitTables(
            code == LowBitCode.Nf4 ? [.. Enumerable.Range(0, 16).Select(i => (float)Math.Tan((i - 7.5) / 10))] : [],
            isDouble ? [.. Enumerable.Range(0, 256).Select(i => (i - 128) / 128f)] : []);
    }

    public LowBitLayout Layout { get; }

    public LowBitTables Tables { get; }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>The float32 value of an element.</summary>
    public float Value(int row, int column)
    {
        int block = (row * Layout.Blocks(Columns)) + (Layout.BlockColumns == 0 ? 0 : column / Layout.BlockColumns);
        float scale = _nested.Length == 0
            ? _scales[block]
            : (float)(Tables.Scales[_scaleCodes[block]] * _nested[block / NestedBlocks]) + _offset;
        int at = (row * Columns) + column;
        return scale * Layout.Code switch
        {
            LowBitCode.Nf4 => Tables.Codes[at % 2 == 0 ? _codes[at / 2] >> 4 : _codes[at / 2] & 15],
            LowBitCode.Int8 => (sbyte)_codes[at],
            _ => E4M3(_codes[at]),
        };
    }

    /// <summary>Rows as a device takes them.</summary>
    public LowBitRows Take(int first, int count)
    {
        int bytes = Layout.CodeBytes(Columns), blocks = Layout.Blocks(Columns), groups = Layout.Groups(Columns);
        byte[] codes = _codes[(first * bytes)..((first + count) * bytes)];
        Range range = (first * blocks)..((first + count) * blocks);
        if (_nested.Length == 0)
        {
            return new LowBitRows(codes, _scales[range], [], []);
        }

        List<float> ofRows = [];
        for (int start = first * blocks; start < (first + count) * blocks; start += blocks)
        {
            ofRows.Add(_offset);
            ofRows.Add(BitConverter.Int32BitsToSingle(NestedBlocks - (start % NestedBlocks)));
            ofRows.AddRange(
                Enumerable.Range(start / NestedBlocks, groups).Select(group => group < _nested.Length ? _nested[group] : float.NaN));
        }

        return new LowBitRows(codes, [], _scaleCodes[range], [.. ofRows]);
    }

    private static float E4M3(byte code)
    {
        int exponent = (code >> 3) & 15, mantissa = code & 7;
        double magnitude = exponent == 0 ? mantissa / 8.0 * Math.Pow(2, -6) : (1 + (mantissa / 8.0)) * Math.Pow(2, exponent - 7);
        return (float)(code >= 128 ? -magnitude : magnitude);
    }
}
