using Rm.Kernels.Ops;

namespace Rm.Training.LowBit;

/// <summary>A matrix whose values are stored in few bits, for a device that keeps it so.</summary>
public interface ILowBitMatrix
{
    /// <summary>
    /// How its rows lie in memory, or null where only its values can be had: blocks that run on over the ends of rows, say.
    /// </summary>
    LowBitLayout? Layout { get; }

    /// <summary>Its tables.</summary>
    LowBitTables Tables { get; }

    /// <summary>Rows of a matrix that has a <see cref="Layout"/>.</summary>
    LowBitRows ReadRows(int first, int count);
}
