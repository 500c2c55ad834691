using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>
/// A tensor in the middle of a larger block whose every other element, gaps between rows included, is a NaN that must still be there
/// afterwards. An operation that reads outside its arguments gets NaN; one that writes outside is found.
/// </summary>
internal sealed class GuardedTensor
{
    private const int Guard = 128;
    private const uint PatternF32 = 0x7FC0BEEF;
    private const ushort PatternBF16 = 0x7FBE;

    private readonly IBackend _backend;
    private readonly Tensor _block;
    private readonly uint[] _initial;

    private GuardedTensor(IBackend backend, string name, DType dtype, int rows, int columns, int rowStride, RealMatrix<double>? values)
    {
        _backend = backend;
        Name = name;
        int length = (2 * Guard) + Math.Max(0, ((rows - 1) * rowStride) + columns);
        _block = backend.AllocatePersistent(dtype, new Shape(length));
        View = new Tensor(_block.Storage, _block.ByteOffset + (Guard * dtype.Size()), dtype, new Shape(rows, columns), rowStride);
        _initial = new uint[length];
        Array.Fill(_initial, dtype == DType.F32 ? PatternF32 : PatternBF16);
        for (int i = 0; values is not null && i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                _initial[Index(i, j)] = Encode(values[i, j], dtype);
            }
        }

        Write(_initial);
    }

    public string Name { get; }

    /// <summary>The tensor to hand to the operation.</summary>
    public Tensor View { get; }

    /// <summary>An argument with values; <paramref name="gap"/> elements lie between rows.</summary>
    public static GuardedTensor With(IBackend backend, string name, DType dtype, RealMatrix<double> values, int gap = 0) =>
        new(backend, name, dtype, values.Rows, values.Columns, values.Columns + gap, values);

    /// <summary>An output full of NaN, so that a result that was added to instead of assigned shows.</summary>
    public static GuardedTensor Empty(IBackend backend, string name, DType dtype, int rows, int columns, int gap = 0) =>
        new(backend, name, dtype, rows, columns, columns + gap, null);

    /// <summary>The elements now; fails if the guard bands changed.</summary>
    public RealMatrix<double> Read()
    {
        uint[] now = ReadBits();
        var values = new RealMatrix<double>(View.Rows, View.Columns);
        for (int i = 0; i < View.Rows; i++)
        {
            for (int j = 0; j < View.Columns; j++)
            {
                values[i, j] = Decode(now[Index(i, j)], View.DType);
                now[Index(i, j)] = _initial[Index(i, j)];
            }
        }

        AssertUnchanged(now, "outside the tensor");
        return values;
    }

    /// <summary>Fails if an input was written to.</summary>
    public void AssertUntouched() => AssertUnchanged(ReadBits(), "an input");

    /// <summary>Rounds a value to what <paramref name="dtype"/> holds.</summary>
    public static double Round(double value, DType dtype) => Decode(Encode(value, dtype), dtype);

    private static uint Encode(double value, DType dtype)
    {
        uint bits = BitConverter.SingleToUInt32Bits((float)value);
        return dtype == DType.F32 ? bits : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    }

    private static double Decode(uint bits, DType dtype) => BitConverter.UInt32BitsToSingle(dtype == DType.F32 ? bits : bits << 16);

    private int Index(int row, int column) => Guard + (row * View.RowStride) + column;

    private void AssertUnchanged(uint[] now, string what)
    {
        int index = now.AsSpan().CommonPrefixLength(_initial);
        if (index < now.Length)
        {
            Assert.Fail($"{Name} {View.Shape}: element {index - Guard} of {what} was overwritten (row stride {View.RowStride}).");
        }
    }

    private void Write(uint[] bits)
    {
        if (View.DType == DType.F32)
        {
            _backend.Upload<float>(Array.ConvertAll(bits, BitConverter.UInt32BitsToSingle), _block);
        }
        else
        {
            _backend.Upload<ushort>(Array.ConvertAll(bits, b => (ushort)b), _block);
        }
    }

    private uint[] ReadBits()
    {
        if (View.DType == DType.F32)
        {
            float[] floats = new float[_initial.Length];
            _backend.Download(_block, floats.AsSpan());
            return Array.ConvertAll(floats, BitConverter.SingleToUInt32Bits);
        }

        ushort[] halves = new ushort[_initial.Length];
        _backend.Download(_block, halves.AsSpan());
        return Array.ConvertAll(halves, h => (uint)h);
    }
}
