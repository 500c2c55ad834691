using System.Text.Json;

namespace Rm.Formats.Parquet;

/// <summary>What a schema node is in JSON.</summary>
internal enum NodeKind
{
    /// <summary>A value.</summary>
    Leaf,

    /// <summary>An object.</summary>
    Struct,

    /// <summary>A list.</summary>
    List,

    /// <summary>An object whose names are the map's keys.</summary>
    Map,
}

/// <summary>
/// A field as it appears in JSON, with the levels that say which part of it is there. The helper groups of Parquet lists and maps are
/// folded into their field.
/// </summary>
internal sealed class SchemaNode
{
    /// <summary>The field's name, ready for a JSON writer.</summary>
    public required JsonEncodedText Name { get; init; }

    /// <summary>What it is.</summary>
    public required NodeKind Kind { get; init; }

    /// <summary>True when the field may be null.</summary>
    public required bool IsNullable { get; init; }

    /// <summary>Definition level from which on the field is not null.</summary>
    public required int Definition { get; init; }

    /// <summary>Of a list or map: definition level from which on it has an element.</summary>
    public int ElementDefinition { get; init; }

    /// <summary>Of a list or map: repetition level of an element other than the first.</summary>
    public int ElementRepetition { get; init; }

    /// <summary>Fields of a struct; the element of a list; key and value of a map.</summary>
    public IReadOnlyList<SchemaNode> Children { get; init; } = [];

    /// <summary>Index of the first leaf column below this node, itself included.</summary>
    public required int FirstLeaf { get; init; }

    /// <summary>Number of leaf columns below this node, itself included; their indices follow each other.</summary>
    public required int LeafCount { get; init; }
}

/// <summary>A column that holds values.</summary>
/// <param name="Path">Names from the root, joined by dots, for messages.</param>
/// <param name="Type">How values are stored.</param>
/// <param name="TypeLength">Bytes of a fixed-length value.</param>
/// <param name="Annotation">What values mean.</param>
/// <param name="MaxDefinition">Definition level at which there is a value.</param>
/// <param name="MaxRepetition">Number of lists around a value.</param>
internal sealed record LeafColumn(
    string Path, PhysicalType Type, int TypeLength, Annotation Annotation, int MaxDefinition, int MaxRepetition);

/// <summary>The schema: its top-level columns, and all leaves in file order.</summary>
internal sealed record Schema(IReadOnlyList<string> Names, IReadOnlyList<SchemaNode> Columns, IReadOnlyList<LeafColumn> Leaves);
