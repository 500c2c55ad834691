using System.Runtime.InteropServices;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Instructions;

/// <summary>What kernels use of sm_90: stmatrix, wgmma with every operand layout, bulk copies with every swizzle.</summary>
internal static class HopperInstructionCases
{
    private const int Rows = 64, Depth = 16;

    // The descriptor's number of a swizzle, its width in bytes, the tensor map's number.
    private static readonly (uint Descriptor, int Width, int Map)[] Swizzles = [(0, 16, 0), (3, 32, 1), (2, 64, 2), (1, 128, 3)];

    public static IEnumerable<InstructionCase> All =>
    [
        new("stmatrix x4", 90, default, Store),
        .. from swizzle in Swizzles
           from rowsMajor in new[] { false, true }
           select Warpgroup(swizzle, 64, rowsMajor, registers: false),
        Warpgroup(Swizzles[3], 128, rowsMajor: false, registers: false),
        Warpgroup(Swizzles[3], 256, rowsMajor: true, registers: false),
        Warpgroup(Swizzles[3], 64, rowsMajor: false, registers: true),

        // As linear_hopper.cu goes through a stage: operands that start inside the swizzle's rows.
        .. from part in new (int Swizzle, int Slice)[] { (2, 1), (3, 1), (3, 2), (3, 3) }
           select Warpgroup(Swizzles[part.Swizzle], 256, rowsMajor: false, registers: false, part.Slice),
        .. from swizzle in Swizzles
           from corner in new[] { (0, 0), (32, 5), (64, 16), (-8, -3) }
           select new InstructionCase(
               $"cp.async.bulk.tensor swizzle {swizzle.Width} at ({corner.Item1}, {corner.Item2})", 90, default,
               device => Bulk(device, swizzle.Width, swizzle.Map, corner.Item1, corner.Item2)),
    ];

    private static InstructionCase Warpgroup(
        (uint Descriptor, int Width, int Map) swizzle, int columns, bool rowsMajor, bool registers, int slice = 0) => new(
        $"wgmma m64n{columns}k16 swizzle {swizzle.Width}, {(rowsMajor ? "rows" : "depth")} "
            + $"contiguous{(registers ? ", a in registers" : "")}"
            + (slice == 0 ? "" : $", from depth {slice * Depth} on"),
        90, default, device => Multiply(device, swizzle.Descriptor, swizzle.Width, columns, rowsMajor, registers, slice));

    private static uint[] Store(InstructionDevice device)
    {
        Tensor words =
            device.Put<uint>([.. Enumerable.Range(0, 128).Select(static i => (uint)((2 * i) + 1) | ((uint)((2 * i) + 2) << 16))]);
        Tensor elements = device.Put<uint>(new uint[128]);
        device.Launch("fragments", "fragment_store", 1, 32, 0, (kernel, stream, shape) =>
            kernel.Launch(stream, shape, words.Address, elements.Address));
        return device.Get(elements);
    }

    // Whole numbers, whose sums are exact in any order: only the places where the operands are looked for decide the result.
    private static uint[] Multiply(
        InstructionDevice device, uint descriptor, int width, int columns, bool rowsMajor, bool registers, int slice)
    {
        (int elementsA, uint leadingA, uint strideA) = Operand(Rows, descriptor, width, rowsMajor);
        (int elementsB, uint leadingB, uint strideB) = Operand(columns, descriptor, width, rowsMajor);
        int startB = (elementsA + 511) / 512 * 512;
        Tensor image = device.Put<ushort>(InstructionCases.SmallNumbers((startB + elementsB + 1) / 2 * 2, seed: 5));
        Tensor words = device.Put<ushort>(InstructionCases.SmallNumbers(1024, seed: 6));
        Tensor d = device.Put<float>([.. Enumerable.Range(0, 64 * columns).Select(static i => (float)(i % 101))]);
        WarpgroupArgs args = new()
        {
            Image = image.Address,
            AWords = registers ? words.Address : 0,
            D = d.Address,
            Count = (int)image.Shape.Count * 2,
            AStart = slice * Depth,
            BStart = startB + (slice * Depth),
            LeadingA = leadingA,
            StrideA = strideA,
            LeadingB = leadingB,
            StrideB = strideB,
            Swizzle = descriptor,
            Columns = columns,
            RowsMajor = rowsMajor ? 1 : 0,
            Products = 2,
        };
        device.Launch(
            "fragments", "fragment_warpgroup", 1, 128, args.Count * 2, (kernel, stream, shape) => kernel.Launch(stream, shape, args));
        return device.Get(d);
    }

    // The canonical layouts of the PTX ISA: strips as wide as the swizzle, each a stack of groups of eight rows.
    private static (int Elements, uint Leading, uint Stride) Operand(int rows, uint descriptor, int width, bool rowsMajor)
    {
        int inner = rowsMajor ? rows : Depth, outer = rowsMajor ? Depth : rows;
        int group = 8 * width, strips = ((2 * inner) + width - 1) / width, strip = outer / 8 * group;
        bool swapped = descriptor == 0 && rowsMajor;
        return (strips * strip / 2, (uint)(swapped ? group : strip), (uint)(swapped ? strip : group));
    }

    // A box of a 20 x 70 tensor, some beyond its edges: what lies in shared memory, and what the store back leaves.
    private static uint[] Bulk(InstructionDevice device, int width, int swizzle, int x, int y)
    {
        const int Width = 72, Height = 20, Inside = 70, BoxHeight = 8;
        int boxWidth = swizzle == 0 ? 24 : width / 2, count = boxWidth * BoxHeight;
        Tensor from = device.Put<ushort>([.. Enumerable.Range(1, Width * Height).Select(static i => (ushort)i)]);
        Tensor to = device.Put<ushort>(new ushort[Width * Height]), image = device.Put<ushort>(new ushort[count]);
        InstructionDevice.TensorMapBytes source = device.Map(from, Inside, Height, Width * 2, boxWidth, BoxHeight, swizzle);
        InstructionDevice.TensorMapBytes target = device.Map(to, Inside, Height, Width * 2, boxWidth, BoxHeight, swizzle);
        device.Launch("fragments", "fragment_bulk", 1, 32, 8192, (kernel, stream, shape) =>
            kernel.Launch(stream, shape, source, target, image.Address, count, x, y));
        return [.. device.Get(image), .. device.Get(to)];
    }

    /// <summary>WarpgroupArgs of fragments.cu.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct WarpgroupArgs
    {
        public nint Image;
        public nint AWords;
        public nint D;
        public int Count, AStart, BStart;
        public uint LeadingA, StrideA, LeadingB, StrideB, Swizzle;
        public int Columns, RowsMajor, Products;
    }
}
