using System.Runtime.InteropServices;
using Rm.Formats;
using Rm.Formats.Safetensors;
using Rm.Kernels.Ops;
using Rm.Training.LowBit;

namespace Rm.Host.Tests.Model;

/// <summary>
/// What <c>--base-dtype</c> makes of weights, beside bitsandbytes 0.50 on the same tensors (tests/golden/models/lowbit-tensors).
/// </summary>
public sealed class QuantizedMatrixTests : IDisposable
{
    private static readonly string Folder = Path.Combine(TestPaths.Golden, "models", "lowbit-tensors");

    private readonly SafetensorsFile _inputs = SafetensorsFile.Open(Path.Combine(Folder, "in.safetensors"));
    private readonly SafetensorsFile _outputs = SafetensorsFile.Open(Path.Combine(Folder, "out.safetensors"));

    // Those whose rows are whole blocks; "outlier" (96 columns) and "ragged" are not.
    public static TheoryData<string> Tensors => ["even", "many_blocks", "ties", "tiny", "zero_block", "bf16", "f16"];

    public void Dispose()
    {
        _inputs.Dispose();
        _outputs.Dispose();
    }

    [Fact]
    public void The_tables_are_bitsandbytes_own()
    {
        Assert.Equal(Floats(_outputs, "nf4_code"), Nf4Quantizer.Codes);
        Assert.Equal(Floats(_outputs, "dynamic_map"), Nf4Quantizer.ScaleMap);
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void NF4_has_bitsandbytes_bytes_scales_and_values(string name)
    {
        QuantizedMatrix single = Quantize(name, new LowBitLayout(LowBitCode.Nf4, 64));
        LowBitRows rows = single.ReadRows(0, Rows(name));
        Assert.Equal(Bytes($"{name}.bs64.single.packed"), rows.Codes);
        Assert.Equal(Floats(_outputs, $"{name}.bs64.single.absmax"), rows.Scales);
        QuantizedMatrix nested = Quantize(name, BaseDType.Nf4.Layout()!);
        LowBitRows doubled = nested.ReadRows(0, Rows(name));
        Assert.Equal(Bytes($"{name}.bs64.double.packed"), doubled.Codes);

        // The code of a single block says nothing: its nested scale is 0.
        if (rows.Scales.Length > 1)
        {
            Assert.Equal(Bytes($"{name}.bs64.double.absmax"), doubled.ScaleCodes);
        }

        if (!_outputs.Tensors.ContainsKey($"{name}.bs64.single.dequant.f32"))
        {
            return;
        }

        AssertBits(Floats(_outputs, $"{name}.bs64.single.dequant.f32"), Values(single, name));

        // The offset, a mean, differs by the order in which it was summed.
        float largest = rows.Scales.Max();
        Assert.All(Floats(_outputs, $"{name}.bs64.double.dequant.f32").Zip(Values(nested, name)), pair =>
            Assert.InRange(pair.Second - pair.First, -2e-7f * largest, 2e-7f * largest));
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void Int8_has_bitsandbytes_bytes_and_scales(string name)
    {
        if (!_outputs.Tensors.ContainsKey($"{name}.int8.CB"))
        {
            return;
        }

        LowBitRows rows = Quantize(name, BaseDType.Int8.Layout()!).ReadRows(0, Rows(name));
        Assert.Equal(Bytes($"{name}.int8.CB"), rows.Codes);
        Assert.Equal(Floats(_outputs, $"{name}.int8.SCB").Select(largest => largest * (1f / 127f)), rows.Scales);
    }

    // From rows of tests/golden/models/lowbit-int8 before and after bitsandbytes: half of the largest, 63.5, goes either way.
    [Theory]
    [InlineData(0.1318359375f, 63)]
    [InlineData(-0.1591796875f, -63)]
    [InlineData(0.2177734375f, 64)]
    public void Int8_of_half_the_largest_value_is_bitsandbytes_own(float value, int code)
    {
        float[] row = [value, 2 * value];
        var matrix = QuantizedMatrix.Of(
            "w", BaseDType.Int8.Layout()!, 1, row.Length, (start, destination) => row.AsSpan((int)start, destination.Length).CopyTo(destination));
        Assert.Equal([code, Math.Sign(value) * 127], matrix.ReadRows(0, 1).Codes.Select(one => (int)(sbyte)one));
    }

    [Fact]
    public void Fp8_takes_the_nearest_of_all_its_values()
    {
        float[] all = [.. Enumerable.Range(0, 256).Select(code => Fp8Code.Values[code]).Where(float.IsFinite)];
        Assert.Equal(254, all.Length);
        Assert.Equal(448, all.Max());
        var random = new Random(3);
        for (int i = 0; i < 20_000; i++)
        {
            float value = (float)(Math.Pow(2, (random.NextDouble() * 20) - 11) * (random.Next(2) == 0 ? 1 : -1));
            double nearest = all.Min(v => Math.Abs((double)v - value));
            Assert.Equal(nearest, Math.Abs((double)Fp8Code.Values[Fp8Code.Nearest(value)] - value));
        }

        // Halfway between two codes, the even one.
        Assert.Equal(8, Fp8Code.Nearest(7.5f / 512));
        Assert.Equal(2, Fp8Code.Nearest(2.5f / 512));
        Assert.Equal(126, Fp8Code.Nearest(1e9f));
    }

    [Fact]
    public void Any_rows_of_a_doubly_quantised_matrix_stand_for_the_same_values()
    {
        const int Count = 37, Columns = 320;
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, Count * Columns).Select(_ => (float)random.NextDouble() - 0.5f)];
        var matrix = QuantizedMatrix.Of(
            "w", BaseDType.Nf4.Layout()!, Count, Columns, (start, destination) =>
                values.AsSpan((int)start, destination.Length).CopyTo(destination));
        float[] expected = new float[Count * Columns];
        matrix.Read(0, expected);
        LowBitLayout layout = matrix.Layout!;
        int blocks = layout.Blocks(Columns), width = LowBitLayout.RowHeader + layout.Groups(Columns);
        foreach (int first in new[] { 0, 1, 17, 36 })
        {
            LowBitRows rows = matrix.ReadRows(first, 1);
            for (int column = 0; column < Columns; column++)
            {
                int block = column / 64, beyond = block - BitConverter.SingleToInt32Bits(rows.RowScales[1]);
                float nested = rows.RowScales[2 + (beyond < 0 ? 0 : 1 + (beyond / 256))];
                float scale = (float)(matrix.Tables.Scales[rows.ScaleCodes[block]] * nested) + rows.RowScales[0];
                int pair = rows.Codes[column / 2];
                Assert.Equal(expected[(first * Columns) + column], matrix.Tables.Codes[column % 2 == 0 ? pair >> 4 : pair & 15] * scale);
            }

            Assert.Equal(width, rows.RowScales.Length);
            Assert.Equal(blocks, rows.ScaleCodes.Length);
        }
    }

    [Fact]
    public void What_cannot_be_quantised_is_refused_by_name()
    {
        UserInputException odd =
            Assert.Throws<UserInputException>(() => QuantizedMatrix.Of("m.weight", BaseDType.Nf4.Layout()!, 2, 96, (_, d) => d.Clear()));
        Assert.Contains("m.weight has 96 columns", odd.Message);
        UserInputException infinite =
            Assert.Throws<UserInputException>(
                () => QuantizedMatrix.Of("m.weight", BaseDType.Fp8.Layout()!, 2, 96, (_, d) => d.Fill(float.PositiveInfinity)));
        Assert.Contains("not finite", infinite.Message);
    }

    private QuantizedMatrix Quantize(string name, LowBitLayout layout)
    {
        float[] values = Floats(_inputs, name);
        return QuantizedMatrix.Of(
            name, layout, Rows(name), values.Length / Rows(name), (start, destination) =>
                values.AsSpan((int)start, destination.Length).CopyTo(destination));
    }

    private int Rows(string name) => (int)_inputs.Tensors[name].Shape[0];

    private float[] Values(QuantizedMatrix matrix, string name)
    {
        float[] values = new float[_inputs.Tensors[name].ElementCount];
        matrix.Read(0, values);
        return values;
    }

    private static float[] Floats(SafetensorsFile file, string name)
    {
        float[] values = new float[file.Tensors[name].ElementCount];
        file.ReadFloat32(name, values);
        return values;
    }

    private byte[] Bytes(string name)
    {
        byte[] values = new byte[_outputs.Tensors[name].ByteLength];
        _outputs.ReadBytes(name, values, 0);
        return values;
    }

    private static void AssertBits(float[] expected, float[] actual) =>
        Assert.Equal(MemoryMarshal.Cast<float, uint>(expected).ToArray(), MemoryMarshal.Cast<float, uint>(actual).ToArray());
}
