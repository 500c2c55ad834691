namespace Rm.Training.Model;

/// <summary>Assigns places in the flat parameter buffer. Blocks begin at cache-line multiples; the parts of a block are adjacent.</summary>
internal sealed class ParameterLayoutBuilder
{
    // 64 floats are 256 bytes, the alignment that vector and bulk copies ask for.
    private const int Alignment = 64;

    private readonly List<Parameter> _parameters = [];
    private readonly Dictionary<string, long> _offsets = new(StringComparer.Ordinal);

    /// <summary>Elements assigned so far.</summary>
    public long Length { get; private set; }

    /// <summary>First element of the head block.</summary>
    public long HeadStart { get; private set; }

    /// <summary>Everything assigned, in order.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Places matrices of equal width under each other, as one matrix; returns the block's offset.</summary>
    public long AddBlock(
        ParameterKind kind, int columns, IEnumerable<(string Name, int Rows)> parts, bool transposed = false, bool depthwise = false)
    {
        Length = (Length + Alignment - 1) / Alignment * Alignment;
        long start = Length;
        foreach ((string name, int rows) in parts)
        {
            _offsets.Add(name, Length);
            _parameters.Add(
                new Parameter(name, kind, rows, columns, Length, IsVector: false) { IsTransposed = transposed, IsDepthwise = depthwise });
            Length += (long)rows * columns;
        }

        if (kind == ParameterKind.Head)
        {
            HeadStart = start;
        }

        return start;
    }

    /// <summary>The place of matrices that are there already, as parts of another layer, or else as <see cref="AddBlock"/>.</summary>
    public long FindOrAddBlock(ParameterKind kind, int columns, IReadOnlyList<(string Name, int Rows)> parts) =>
        Find(parts[0].Name) ?? AddBlock(kind, columns, parts);

    /// <summary>The same for vectors.</summary>
    public long FindOrAddVectors(ParameterKind kind, IReadOnlyList<(string Name, int Length)> parts) =>
        Find(parts[0].Name) ?? AddVectors(kind, parts);

    /// <summary>Places vectors behind each other, as one vector; returns the block's offset.</summary>
    public long AddVectors(ParameterKind kind, IEnumerable<(string Name, int Length)> parts)
    {
        Length = (Length + Alignment - 1) / Alignment * Alignment;
        long start = Length;
        foreach ((string name, int length) in parts)
        {
            _offsets.Add(name, Length);
            _parameters.Add(new Parameter(name, kind, 1, length, Length, IsVector: true));
            Length += length;
        }

        return start;
    }

    private long? Find(string name) => _offsets.TryGetValue(name, out long offset) ? offset : null;
}
