using Rm.Kernels.Cpu.Gemm;

namespace Rm.Kernels.Tests.Cpu.Gemm;

/// <summary>A matrix whose rows lie apart, with guard values before, between and after them.</summary>
internal sealed class GuardedMatrix
{
    private const int Band = 67;
    private static readonly float s_guard = BitConverter.UInt32BitsToSingle(0x7FC0BEEF);

    private readonly float[] _memory;
    private readonly int _stride;

    public GuardedMatrix(int rows, int columns, int padding = 3)
    {
        (Rows, Columns, _stride) = (rows, columns, columns + padding);
        _memory = new float[(2 * Band) + (rows * _stride)];
        Array.Fill(_memory, s_guard);
        for (int i = 0; i < rows; i++)
        {
            _memory.AsSpan(Band + (i * _stride), columns).Clear();
        }
    }

    public int Rows { get; }

    public int Columns { get; }

    public Matrix Matrix => new(_memory.AsSpan(Band, Rows * _stride), Rows, Columns, _stride);

    public float this[int row, int column]
    {
        get => _memory[Band + (row * _stride) + column];
        set => _memory[Band + (row * _stride) + column] = value;
    }

    /// <summary>Uniform values in (-1, 1).</summary>
    public static GuardedMatrix Random(int rows, int columns, int seed, int padding = 3)
    {
        var random = new Random(seed);
        var matrix = new GuardedMatrix(rows, columns, padding);
        matrix.Fill((_, _) => (2 * random.NextSingle()) - 1);
        return matrix;
    }

    public GuardedMatrix Fill(Func<int, int, float> value)
    {
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < Columns; j++)
            {
                this[i, j] = value(i, j);
            }
        }

        return this;
    }

    public GuardedMatrix Copy() => new GuardedMatrix(Rows, Columns, _stride - Columns).Fill((i, j) => this[i, j]);

    public GuardedMatrix Transposed() => new GuardedMatrix(Columns, Rows).Fill((i, j) => this[j, i]);

    public GuardedMatrix RowRange(int first, int count) => new GuardedMatrix(count, Columns).Fill((i, j) => this[first + i, j]);

    /// <summary>Fails unless every guard value is as it was and every element has the bits of <paramref name="expected"/>.</summary>
    public void AssertBits(GuardedMatrix expected, string what)
    {
        Assert.Equal((expected.Rows, expected.Columns), (Rows, Columns));
        AssertGuards(what);
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < Columns; j++)
            {
                if (BitConverter.SingleToUInt32Bits(this[i, j]) != BitConverter.SingleToUInt32Bits(expected[i, j]))
                {
                    Assert.Fail($"{what}: [{i}, {j}] is {this[i, j]:R}, expected {expected[i, j]:R}");
                }
            }
        }
    }

    public void AssertGuards(string what)
    {
        for (int i = 0; i < _memory.Length; i++)
        {
            int inside = i - Band;
            bool element = inside >= 0 && inside < Rows * _stride && inside % _stride < Columns;
            if (!element && BitConverter.SingleToUInt32Bits(_memory[i]) != 0x7FC0BEEF)
            {
                Assert.Fail($"{what}: memory outside the matrix changed, element {inside} from its start");
            }
        }
    }
}
