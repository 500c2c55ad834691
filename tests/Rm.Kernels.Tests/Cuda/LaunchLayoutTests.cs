using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Rm.Kernels.Cuda;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// The structs that launchers hand to kernels, against the layouts that the .cu files publish: every C# struct NameLaunch must agree with
/// the C++ struct NameArgs (or Name, for a part of one) in size, and in name, offset and size of each member.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class LaunchLayoutTests
{
    private const string Suffix = "Launch";

    public static TheoryData<string> Structs { get; } =
    [
        .. LaunchTypes().Select(static type => type.Name),
    ];

    [Theory]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    [MemberData(nameof(Structs))]
    public void Members_lie_where_the_kernel_reads_them(string name)
    {
        CudaTest.OpenDevice().Dispose();
        CudaTest.NeedsEmulator();
        string native = name[..^Suffix.Length];
        (int Bytes, List<(string Name, int Offset, int Bytes)> Fields)? layout = Emulator.StructLayout(native + "Args")
            ?? Emulator.StructLayout(native);
        Assert.True(layout.HasValue, $"no .cu file publishes a layout of {native}Args or {native} (RM_LAYOUT)");
        Type type = LaunchTypes().Single(type => type.Name == name);
        Assert.Equal(layout.Value.Fields, Fields(type));
        Assert.Equal(layout.Value.Bytes, Size(type));
    }

    [Fact]
    public void A_member_of_another_name_or_place_would_be_noticed()
    {
        Assert.Equal([("d_residual", 0, 8), ("rows_per_split", 8, 4), ("dx", 16, 8)], Fields(typeof(Probe)));
        Assert.Equal(24, Size(typeof(Probe)));
    }

    private static IEnumerable<Type> LaunchTypes() => typeof(CudaRmsNorm).Assembly.GetTypes().Where(static type =>
        type.IsValueType && type.Namespace == typeof(CudaRmsNorm).Namespace && type.Name.EndsWith(Suffix, StringComparison.Ordinal));

    // Byte i of an instance holds i, so the lowest byte of a member's value is its true offset.
    private static List<(string Name, int Offset, int Bytes)> Fields(Type type)
    {
        object counted = typeof(LaunchLayoutTests).GetMethod(nameof(Counted), BindingFlags.Static | BindingFlags.NonPublic)!
            .MakeGenericMethod(type).Invoke(null, null)!;
        return
        [
            .. type.GetFields(BindingFlags.Instance | BindingFlags.Public)
                .Select(field => (Native(field.Name), LowestByte(field.GetValue(counted)!), Size(field.FieldType))),
        ];
    }

    private static T Counted<T>()
        where T : unmanaged
    {
        byte[] bytes = [.. Enumerable.Range(0, Unsafe.SizeOf<T>()).Select(static i => checked((byte)i))];
        return MemoryMarshal.Read<T>(bytes);
    }

    private static int LowestByte(object value) => value switch
    {
        nint address => (int)(address & 0xFF),
        int number => number & 0xFF,
        float number => BitConverter.SingleToInt32Bits(number) & 0xFF,
        long number => (int)(number & 0xFF),
        ValueType part => LowestByte(part.GetType().GetFields()[0].GetValue(part)!),
        _ => throw new NotSupportedException($"A launch argument of type {value.GetType()}."),
    };

    private static int Size(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    // DResidual is d_residual and RowsPerSplit rows_per_split, but DX is dx: two capitals at the end are one word.
    private static string Native(string name)
    {
        StringBuilder text = new();
        for (int i = 0; i < name.Length; i++)
        {
            bool startsWord = i > 0 && char.IsAsciiLetterUpper(name[i])
                && (char.IsAsciiLetterLower(name[i - 1]) || (i + 1 < name.Length && char.IsAsciiLetterLower(name[i + 1])));
            text.Append(startsWord ? "_" : "").Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Probe
    {
        public nint DResidual = 0;
        public int RowsPerSplit = 0;
        public nint DX = 0;

        public Probe()
        {
        }
    }
}
