using System.Runtime.InteropServices;
using Rm.Formats.Safetensors;
using Rm.Kernels.Ops;

namespace Rm.Training.LowBit;

/// <summary>
/// bitsandbytes' int8: value = code * (row maximum * (1 / 127)), each product rounded to float32, as training multiplies with it.
/// </summary>
internal sealed class Int8Tensor : LowBitTensor
{
    private readonly string _module;
    private readonly float[] _scales;

    public Int8Tensor(SafetensorsCheckpoint checkpoint, string name, string module)
        : base(checkpoint, name, Matrix(checkpoint, name))
    {
        _module = module;
        Require(name, Count, SafetensorsDType.I8);
        Require(module + ScaleSuffix, Shape[0], SafetensorsDType.F32);
        _scales = [.. ReadAll(module + ScaleSuffix).Select(maximum => maximum * (1f / 127f))];
    }

    /// <summary>Ending of the row maxima's name, after the module's.</summary>
    public static string ScaleSuffix => ".SCB";

    /// <inheritdoc/>
    public override LowBitLayout? Layout => IfItFits(new LowBitLayout(LowBitCode.Int8, BlockColumns: 0));

    /// <inheritdoc/>
    public override IEnumerable<string> Names => [Name, _module + ScaleSuffix, _module + ".weight_format"];

    /// <inheritdoc/>
    public override void Read(Span<float> destination, long start)
    {
        sbyte[] codes = new sbyte[destination.Length];
        ReadBytes(Name, MemoryMarshal.AsBytes(codes.AsSpan()), start);
        for (int i = 0; i < codes.Length; i++)
        {
            destination[i] = codes[i] * _scales[(start + i) / Columns];
        }
    }

    /// <inheritdoc/>
    public override LowBitRows ReadRows(int first, int count) => new(ReadCodes(first, count), _scales[first..(first + count)], [], []);

    private static long[] Matrix(SafetensorsCheckpoint checkpoint, string name) =>
        checkpoint.Tensor(name).Shape is { Length: 2 } shape ? shape : [0, 0];
}
