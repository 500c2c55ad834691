namespace Rm.Kernels.Ops;

/// <summary>What the codes of a <see cref="LowBitWeight"/> stand for before their scale.</summary>
public enum LowBitCode
{
    /// <summary>
    /// NormalFloat4 (Dettmers et al. 2023): 4 bits, two codes a byte, the first in the high half; an index into a table of 16 values.
    /// </summary>
    Nf4,

    /// <summary>A signed byte.</summary>
    Int8,

    /// <summary>
    /// fp8 e4m3 (Micikevicius et al. 2022): a sign, four bits of exponent with bias 7, three of mantissa; no infinity, all ones is not a
    /// number.
    /// </summary>
    Fp8,
}

/// <summary>
/// How the rows of a matrix <c>[rows, columns]</c> lie in memory in few bits: value = code's value * scale, in float32. Every row stands
/// for itself, so that rows of several matrices can be stacked.
/// </summary>
/// <param name="Code">What codes are.</param>
/// <param name="BlockColumns">Neighbouring columns with one scale, a power of two of at least 16; 0: the whole row.</param>
/// <param name="NestedBlocks">
/// 0: scales are float32. Else scales are codes of 8 bits, and this many of them, a power of two, share a nested scale:
/// scale = ScaleTable[code] * nested + offset, product and sum each rounded to float32.
/// </param>
public sealed record LowBitLayout(LowBitCode Code, int BlockColumns, int NestedBlocks = 0)
{
    /// <summary>Codes that kernels read at once; rows are multiples of it.</summary>
    public const int Run = 16;

    /// <summary>Floats of a row before its nested scales: offset, and the number of blocks before its second group.</summary>
    public const int RowHeader = 2;

    /// <summary>Whether rows of this many columns can be laid out so.</summary>
    public bool Fits(int columns) => columns % Run == 0 && IsPowerOfTwo(BlockColumns, Run) && IsPowerOfTwo(NestedBlocks, 1);

    /// <summary>Bytes of a row's codes.</summary>
    public int CodeBytes(int columns) => Code == LowBitCode.Nf4 ? columns / 2 : columns;

    /// <summary>Blocks of a row.</summary>
    public int Blocks(int columns) => BlockColumns == 0 ? 1 : (columns + BlockColumns - 1) / BlockColumns;

    /// <summary>Most nested scales that the blocks of a row belong to, wherever it begins; 0 without.</summary>
    public int Groups(int columns) => NestedBlocks == 0 ? 0 : ((Blocks(columns) + NestedBlocks - 2) / NestedBlocks) + 1;

    private static bool IsPowerOfTwo(int value, int least) => value == 0 || (value >= least && int.IsPow2(value));
}

/// <summary>Whole rows of a matrix in few bits, beginning with any; what is not of the layout is empty.</summary>
/// <param name="Codes"><c>[n, CodeBytes]</c>.</param>
/// <param name="Scales"><c>[n, Blocks]</c>, where scales are float32.</param>
/// <param name="ScaleCodes"><c>[n, Blocks]</c>, where they are codes.</param>
/// <param name="RowScales">
/// <c>[n, RowHeader + Groups]</c> there: the offset; the number of the row's blocks before its second group, the bits of an int32; its
/// nested scales.
/// </param>
public sealed record LowBitRows(byte[] Codes, float[] Scales, byte[] ScaleCodes, float[] RowScales);

/// <summary>Tables of a matrix in few bits.</summary>
/// <param name="Codes">16 values for <see cref="LowBitCode.Nf4"/>, else none.</param>
/// <param name="Scales">256 values where scales are codes, else none.</param>
public sealed record LowBitTables(float[] Codes, float[] Scales)
{
    /// <summary>Both, one after the other.</summary>
    public float[] All => [.. Codes, .. Scales];

    /// <summary>Whether they have the same bits.</summary>
    public bool Same(LowBitTables other) => All.AsSpan().SequenceEqual(other.All);
}
