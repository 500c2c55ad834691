using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Instructions;

/// <summary>What kernels use of sm_80: functions, conversions, shuffles, cp.async, ldmatrix, mma.sync.</summary>
internal static class InstructionCases
{
    private static readonly string[] Functions =
        ["exp2f", "expf", "logf", "sqrtf", "1 / sqrtf", "1 / x", "fmaf", "fmaxf", "exp", "log1p", "sin", "cos"];

    // What the CUDA C++ guide allows float32 functions, on either side; square roots, quotients and fmaf are rounded correctly, and so are
    // almost all float64 results once they are rounded to float32.
    private static readonly int[] FunctionUlps = [4, 4, 4, 0, 1, 0, 0, 0, 1, 1, 1, 1];

    public static IEnumerable<InstructionCase> All =>
    [
        .. Functions.Select(
            (name, i) => new InstructionCase(name, 80, new InstructionRule(FunctionUlps[i]), device => Function(device, i))),
        new("cvt.rn.bf16", 80, default, static device => Rounded(device, pairs: false)),
        new("cvt.rn.bf16x2", 80, default, static device => Rounded(device, pairs: true)),
        new("shfl and the butterfly sum", 80, default, Shuffles),
        new("cp.async of 0, 4, 8, 12 and 16 bytes", 80, default, AsyncCopies),
        .. from shape in new[] { (1, false), (2, false), (4, false), (2, true), (4, true) }
           select new InstructionCase(
               $"ldmatrix x{shape.Item1}{(shape.Item2 ? " trans" : "")}", 80, default, device => Load(device, shape.Item1, shape.Item2)),
        new("mma m16n8k16 bf16, whole numbers", 80, default, static device => Multiply(device, "fragment_mma_bf16", whole: true)),
        // Sums of sixteen products of size one, whose order and rounding inside the instruction are the GPU's own.
        new("mma m16n8k16 bf16", 80, new InstructionRule(0, 2e-5f), static device => Multiply(device, "fragment_mma_bf16", whole: false)),
        new("mma m16n8k8 tf32, whole numbers", 80, default, static device => Multiply(device, "fragment_mma_tf32", whole: true)),
        .. HopperInstructionCases.All,
    ];

    /// <summary>Whole numbers from -limit to limit as bfloat16.</summary>
    public static ushort[] SmallNumbers(int count, int seed, int limit = 4)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Bits(random.Next(-limit, limit + 1)))];
    }

    public static ushort Bits(float value) => (ushort)(BitConverter.SingleToUInt32Bits(GuardedRound(value)) >> 16);

    private static float GuardedRound(float value) => (float)Conformance.GuardedTensor.Round(value, DType.BF16);

    // Zeros, infinities, NaN, subnormal and largest numbers, ties of bfloat16, and numbers of every size.
    private static float[] Numbers()
    {
        Random random = new(3);
        float[] special =
        [
            0, -0f, 1, -1, 0.5f, 2, float.PositiveInfinity, float.NegativeInfinity, float.NaN, float.Epsilon, 1e-40f, -1e-40f,
            float.MaxValue,
            -float.MaxValue, 1.00390625f, 1.01171875f, 88.7f, 88.8f, -87.3f, -103.9f, -104.1f, 127.9f, 128f, -149f, -150f, 3.1415927f,
            40000f,
        ];
        return
        [
            .. special, .. Enumerable.Range(0, 229).Select(
                i => (float)((random.NextDouble() - 0.5) * Math.Pow(2, (i % 24) - 12))),
        ];
    }

    private static uint[] Function(InstructionDevice device, int which)
    {
        float[] x = Numbers();
        Tensor input = device.Put<float>(x), output = device.Put<float>(new float[Functions.Length * x.Length]);
        device.Launch("scalars", "scalar_functions", Functions.Length, 128, 0, (kernel, stream, shape) =>
            kernel.Launch(stream, shape, input.Address, output.Address, x.Length));
        return device.Get(output).AsSpan(which * x.Length, x.Length).ToArray();
    }

    private static uint[] Rounded(InstructionDevice device, bool pairs)
    {
        float[] x = Numbers();
        Tensor input = device.Put<float>(x), single = device.Put<float>(x), both = device.Put<float>(x);
        device.Launch("scalars", "scalar_bfloat16", 1, 128, 0, (kernel, stream, shape) =>
            kernel.Launch(stream, shape, input.Address, single.Address, both.Address, x.Length));
        return device.Get(pairs ? both : single);
    }

    private static uint[] Shuffles(InstructionDevice device)
    {
        Tensor input = device.Put<float>([.. Numbers().Skip(32).Take(32)]), output = device.Put<float>(new float[7 * 32]);
        device.Launch(
            "scalars", "warp_shuffles", 1, 32, 0, (kernel, stream, shape) => kernel.Launch(stream, shape, input.Address, output.Address));
        return device.Get(output);
    }

    private static uint[] AsyncCopies(InstructionDevice device)
    {
        Tensor input = device.Put<float>([.. Numbers().Skip(32).Take(128)]), output = device.Put<float>(new float[128]);
        device.Launch(
            "scalars", "async_copies", 1, 32, 0, (kernel, stream, shape) => kernel.Launch(stream, shape, input.Address, output.Address));
        return device.Get(output);
    }

    private static uint[] Load(InstructionDevice device, int matrices, bool transposed)
    {
        Tensor input = device.Put<ushort>([.. Enumerable.Range(1, 256).Select(static i => (ushort)i)]);
        Tensor output = device.Put<uint>(new uint[32 * matrices]);
        device.Launch("warp_fragments", "fragment_load", 1, 32, 0, (kernel, stream, shape) =>
            kernel.Launch(stream, shape, input.Address, output.Address, matrices, transposed ? 1 : 0));
        return device.Get(output);
    }

    // Words are read as a lane holds them: what they mean is the layout that is compared.
    private static uint[] Multiply(InstructionDevice device, string name, bool whole)
    {
        Random random = new(11);
        bool tf32 = name.EndsWith("tf32", StringComparison.Ordinal);
        float Draw() => whole ? random.Next(-8, 9) : GuardedRound((float)(random.NextDouble() * 2) - 1);
        uint Word() => tf32 ? BitConverter.SingleToUInt32Bits(Draw()) : Bits(Draw()) | ((uint)Bits(Draw()) << 16);
        uint[] words = [.. Enumerable.Range(0, 32 * 6).Select(_ => Word())];
        Tensor a = device.Put<uint>(words.AsSpan(0, 128)), b = device.Put<uint>(words.AsSpan(128, 64));
        Tensor d = device.Put<float>([.. Enumerable.Range(0, 128).Select(static i => (float)(i - 64))]);
        device.Launch(
            "warp_fragments", name, 1, 32, 0, (kernel, stream, shape) => kernel.Launch(stream, shape, a.Address, b.Address, d.Address));
        return device.Get(d);
    }
}
