using Rm.Kernels.Ops;

namespace Rm.Training.LowBit;

/// <summary>In what type the frozen matrices of a base model are kept (<c>--base-dtype</c>).</summary>
public enum BaseDType
{
    /// <summary>bfloat16: values are rounded to it.</summary>
    BF16,

    /// <summary>fp8 e4m3 with a float32 scale a row: largest value / 448.</summary>
    Fp8,

    /// <summary>A signed byte with a scale a row, as bitsandbytes' load_in_8bit quantises.</summary>
    Int8,

    /// <summary>
    /// NormalFloat4 in blocks of 64 with doubly quantised scales, as QLoRA has it (bitsandbytes' nf4 with bnb_4bit_use_double_quant).
    /// </summary>
    Nf4,
}

/// <summary>Names and layouts of <see cref="BaseDType"/>.</summary>
internal static class BaseDTypes
{
    /// <summary>As the command line writes them.</summary>
    public static IReadOnlyDictionary<string, BaseDType> ByName { get; } =
        Enum.GetValues<BaseDType>().ToDictionary(type => type.ToString().ToLowerInvariant(), type => type, StringComparer.Ordinal);

    /// <summary>How rows are kept, or null for bfloat16.</summary>
    public static LowBitLayout? Layout(this BaseDType type) => type switch
    {
        BaseDType.Fp8 => new LowBitLayout(LowBitCode.Fp8, BlockColumns: 0),
        BaseDType.Int8 => new LowBitLayout(LowBitCode.Int8, BlockColumns: 0),
        BaseDType.Nf4 => new LowBitLayout(LowBitCode.Nf4, Nf4Quantizer.BlockSize, Nf4Quantizer.NestedBlocks),
        _ => null,
    };
}
