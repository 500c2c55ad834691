namespace Rm.Formats.Safetensors;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">The name in the header.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="Start">First byte, counted from the start of the file.</param>
/// <param name="ByteLength">Size in bytes.</param>
public sealed record SafetensorsTensor(string Name, SafetensorsDType DType, long[] Shape, long Start, long ByteLength)
{
    /// <summary>Number of elements (1 for a scalar).</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>The shape as messages show it: [2, 3].</summary>
    public string ShapeText => ShapeToText(Shape);

    internal static string ShapeToText(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
