using Rm.Formats;
using Rm.Kernels.Ops;

namespace Rm.Training.LowBit;

/// <summary>A matrix that was quantised when it was loaded.</summary>
internal sealed class QuantizedMatrix : ILowBitMatrix
{
    private const int PieceElements = 1 << 20;
    private const float Int8Largest = 127;

    private readonly int _columns;
    private readonly LowBitLayout _layout;
    private readonly byte[] _codes;
    private readonly float[] _scales;
    private readonly NestedScales? _nested;

    private QuantizedMatrix(LowBitLayout layout, int columns, byte[] codes, float[] scales, NestedScales? nested)
    {
        _layout = layout;
        _columns = columns;
        _codes = codes;
        _scales = scales;
        _nested = nested;
    }

    /// <summary>Elements from <c>start</c> on, in row-major order.</summary>
    public delegate void ReadValues(long start, Span<float> destination);

    /// <inheritdoc/>
    public LowBitLayout? Layout => _layout.Fits(_columns) ? _layout : null;

    /// <inheritdoc/>
    public LowBitTables Tables =>
        new(_layout.Code == LowBitCode.Nf4 ? Nf4Quantizer.Codes : [], _nested is null ? [] : Nf4Quantizer.ScaleMap);

    /// <summary>Quantises <c>[rows, columns]</c>.</summary>
    /// <param name="name">For errors.</param>
    /// <param name="layout">One of <see cref="BaseDTypes.Layout"/>.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="read">Gives the values.</param>
    /// <exception cref="UserInputException">A value is not finite, or blocks do not fill rows.</exception>
    public static QuantizedMatrix Of(string name, LowBitLayout layout, int rows, int columns, ReadValues read)
    {
        if (layout.BlockColumns != 0 && columns % layout.BlockColumns != 0)
        {
            throw new UserInputException(
                $"--base-dtype nf4: {name} has {columns} columns, which is no multiple of {layout.BlockColumns}. Take int8 or fp8.");
        }

        int blocks = layout.Blocks(columns), bytes = layout.CodeBytes(columns), piece = Math.Clamp(PieceElements / columns, 1, rows);
        byte[] codes = new byte[checked(rows * bytes)];
        float[] scales = new float[checked(rows * blocks)], values = new float[piece * columns];
        for (int row = 0; row < rows; row += piece)
        {
            int first = row, count = Math.Min(piece, rows - row);
            read((long)row * columns, values.AsSpan(0, count * columns));
            Parallel.For(0, count, r => QuantizeRow(
                layout.Code, values.AsSpan(r * columns, columns), codes.AsSpan((first + r) * bytes, bytes),
                scales.AsSpan((first + r) * blocks, blocks)));
        }

        if (Array.Exists(scales, scale => !float.IsFinite(scale)))
        {
            throw new UserInputException($"{name} holds values that are not finite, or too large to be quantised.");
        }

        NestedScales? nested = layout.NestedBlocks == 0 ? null : Nf4Quantizer.QuantizeScales(scales);
        return new QuantizedMatrix(layout, columns, codes, nested?.Values() ?? scales, nested);
    }

    /// <summary>The values that the codes stand for.</summary>
    public void Read(long start, Span<float> destination)
    {
        int blocks = _layout.Blocks(_columns), bytes = _layout.CodeBytes(_columns), ofBlock = _layout.BlockColumns == 0
            ? _columns
            : _layout.BlockColumns;
        for (int i = 0; i < destination.Length; i++)
        {
            (long row, long column) = Math.DivRem(start + i, _columns);
            float code = _layout.Code switch
            {
                LowBitCode.Nf4 => Nf4Quantizer.Codes[(_codes[(row * bytes) + (column / 2)] >> (column % 2 == 0 ? 4 : 0)) & 15],
                LowBitCode.Int8 => (sbyte)_codes[(row * bytes) + column],
                _ => Fp8Code.Values[_codes[(row * bytes) + column]],
            };
            destination[i] = code * _scales[(row * blocks) + (column / ofBlock)];
        }
    }

    /// <inheritdoc/>
    public LowBitRows ReadRows(int first, int count)
    {
        int blocks = _layout.Blocks(_columns), bytes = _layout.CodeBytes(_columns);
        byte[] codes = _codes[(first * bytes)..((first + count) * bytes)];
        Range range = (first * blocks)..((first + count) * blocks);
        return _nested is null
            ? new LowBitRows(codes, _scales[range], [], [])
            : new LowBitRows(codes, [], _nested.Codes[range], _nested.OfRows(first, count, blocks, _layout, _columns));
    }

    private static void QuantizeRow(LowBitCode code, ReadOnlySpan<float> values, Span<byte> codes, Span<float> scales)
    {
        switch (code)
        {
            case LowBitCode.Nf4:
                Span<byte> single = stackalloc byte[Nf4Quantizer.BlockSize];
                for (int block = 0; block < scales.Length; block++)
                {
                    int start = block * Nf4Quantizer.BlockSize;
                    scales[block] = Nf4Quantizer.Quantize(values.Slice(start, Nf4Quantizer.BlockSize), single);
                    for (int i = 0; i < single.Length; i += 2)
                    {
                        codes[(start + i) / 2] = (byte)((single[i] << 4) | single[i + 1]);
                    }
                }

                break;
            case LowBitCode.Int8:
                // bitsandbytes rounds to float16 first; PyTorch's 127 / x is a reciprocal times 127, which decides where exactly half of
                // the largest value goes.
                float largest = Largest(values, value => (float)(Half)value), factor = 1 / largest * Int8Largest;
                for (int i = 0; i < values.Length; i++)
                {
                    codes[i] = (byte)(sbyte)(
                        largest == 0 ? 0 : MathF.Round((float)(Half)values[i] * factor, MidpointRounding.ToEven));
                }

                scales[0] = largest * (1 / Int8Largest);
                break;
            default:
                scales[0] = Largest(values, value => value) / Fp8Code.Largest;
                for (int i = 0; i < values.Length; i++)
                {
                    codes[i] = scales[0] == 0 ? (byte)0 : Fp8Code.Nearest(values[i] / scales[0]);
                }

                break;
        }
    }

    private static float Largest(ReadOnlySpan<float> values, Func<float, float> rounded)
    {
        float largest = 0;
        foreach (float value in values)
        {
            largest = Math.Max(largest, Math.Abs(rounded(value)));
        }

        return largest;
    }
}
