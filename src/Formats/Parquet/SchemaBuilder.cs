using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Files;

namespace Rm.Formats.Parquet;

/// <summary>
/// Builds the tree of fields out of the footer's depth-first list, and folds the shapes that writers have used for lists and maps over the
/// years. Source: "Nested Types" and its backward-compatibility rules in LogicalTypes.md of the Parquet format.
/// </summary>
internal sealed class SchemaBuilder
{
    // A field can take two levels of JSON, whose parser stops at 64.
    private const int MaxDepth = 30;

    private readonly IReadOnlyList<SchemaElement> _elements;
    private readonly ParquetPlace _place;
    private readonly List<LeafColumn> _leaves = [];
    private int _next = 1;

    private SchemaBuilder(IReadOnlyList<SchemaElement> elements, ParquetPlace place)
    {
        _elements = elements;
        _place = place;
    }

    /// <summary>The tree of a footer's schema. Throws <see cref="UserInputException"/> when it does not make sense.</summary>
    public static Schema Build(IReadOnlyList<SchemaElement> elements, ParquetPlace place)
    {
        var builder = new SchemaBuilder(elements, place);
        Element root = builder.ReadTree(elements[0], 0);
        if (builder._next != elements.Count)
        {
            throw place.Damaged($"Its schema has {elements.Count} elements, of which {builder._next} belong to the table.");
        }

        if (root.Children.Count == 0)
        {
            throw place.Damaged("Its schema has no columns.");
        }

        List<SchemaNode> columns = [.. root.Children.Select(child => builder.Field(child, "", 0, 0))];
        return new Schema([.. root.Children.Select(child => child.Source.Name)], columns, builder._leaves);
    }

    // The list says only how many children a group has, so each group takes its own off the list's front.
    private Element ReadTree(SchemaElement source, int depth)
    {
        if (depth > MaxDepth)
        {
            throw _place.Unsupported($"Its schema is nested deeper than {MaxDepth} levels.", "Flatten it.");
        }

        var children = new List<Element>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < source.ChildCount; i++)
        {
            if (_next >= _elements.Count)
            {
                throw _place.Damaged("Its schema ends early.");
            }

            Element child = ReadTree(_elements[_next++], depth + 1);
            if (!names.Add(child.Source.Name))
            {
                throw _place.Unsupported($"Its schema names '{child.Source.Name}' twice in one place.", "Rename one of them.");
            }

            children.Add(child);
        }

        if (depth > 0 && (source.Type is null) != (children.Count > 0))
        {
            throw _place.Damaged($"'{source.Name}' in its schema must either have a type or children.");
        }

        return new Element(source, children);
    }

    // A field with its repetition; the levels are those of the parent.
    private SchemaNode Field(Element element, string parent, int definition, int repetition) => element.Source.Repetition switch
    {
        // Repeated without a list around it: a list that is never null, of elements that are never null.
        Repetition.Repeated => Repeated(element, element.Source.Name, parent, false, definition, repetition),
        Repetition.Optional => Value(element, parent, true, definition + 1, repetition),
        _ => Value(element, parent, false, definition, repetition),
    };

    // A field's value, whatever its repetition; the levels are those at which the value is there.
    private SchemaNode Value(Element element, string parent, bool nullable, int definition, int repetition)
    {
        SchemaElement source = element.Source;
        string path = Join(parent, source.Name);
        if (element.Children is [{ Source.Repetition: Repetition.Repeated } inner])
        {
            if (source.Annotation.IsList)
            {
                return Repeated(ListElement(source, inner), source.Name, path, nullable, definition, repetition, inner);
            }

            if (source.Annotation.IsMap && IsScalarMap(inner))
            {
                return Map(source, inner, path, nullable, definition, repetition);
            }
        }

        int first = _leaves.Count;
        if (element.Children.Count == 0)
        {
            _leaves.Add(Leaf(source, path, definition, repetition));
            return Node(source.Name, NodeKind.Leaf, nullable, definition, first, []);
        }

        List<SchemaNode> children = [.. element.Children.Select(child => Field(child, path, definition, repetition))];
        return Node(source.Name, NodeKind.Struct, nullable, definition, first, children);
    }

    // A list whose repeated field is the element itself or, with a holder, the group around the element.
    private SchemaNode Repeated(
        Element element, string name, string path, bool nullable, int definition, int repetition, Element? holder = null)
    {
        int first = _leaves.Count;
        bool wrapped = holder is not null && !ReferenceEquals(holder, element);
        string inside = wrapped ? Join(path, holder!.Source.Name) : path;
        SchemaNode child = wrapped
            ? Field(element, inside, definition + 1, repetition + 1)
            : Value(element, inside, false, definition + 1, repetition + 1);
        return Node(name, NodeKind.List, nullable, definition, first, [child], definition + 1, repetition + 1);
    }

    private SchemaNode Map(SchemaElement source, Element entries, string path, bool nullable, int definition, int repetition)
    {
        int first = _leaves.Count;
        string inside = Join(path, entries.Source.Name);
        List<SchemaNode> children = [.. entries.Children.Select(child => Field(child, inside, definition + 1, repetition + 1))];
        return Node(source.Name, NodeKind.Map, nullable, definition, first, children, definition + 1, repetition + 1);
    }

    private static bool IsScalarMap(Element entries) =>
        entries.Children is [{ Children.Count: 0, Source.Repetition: not Repetition.Repeated }, _];

    // The repeated field is itself the element when it cannot be the helper group of a three-level list.
    private static Element ListElement(SchemaElement list, Element repeated) =>
        repeated.Children is [{ } only] && only.Source.Repetition != Repetition.Repeated
            && repeated.Source.Name != "array" && repeated.Source.Name != list.Name + "_tuple"
            ? only : repeated;

    private SchemaNode Node(
        string name, NodeKind kind, bool nullable, int definition, int first, IReadOnlyList<SchemaNode> children,
        int elementDefinition = 0, int elementRepetition = 0) => new()
        {
            Name = JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping),
            Kind = kind,
            IsNullable = nullable,
            Definition = definition,
            ElementDefinition = elementDefinition,
            ElementRepetition = elementRepetition,
            Children = children,
            FirstLeaf = first,
            LeafCount = _leaves.Count - first,
        };

    private LeafColumn Leaf(SchemaElement source, string path, int definition, int repetition)
    {
        PhysicalType type = source.Type!.Value;
        Annotation annotation = source.Annotation;
        bool fixedLength = type == PhysicalType.FixedLengthByteArray;
        if (fixedLength && source.TypeLength is 0 or > InputFile.MaxRowBytes)
        {
            throw _place.Damaged($"Column '{path}' has values of {source.TypeLength} bytes.");
        }

        bool fits = annotation.Kind switch
        {
            ValueKind.Text or ValueKind.Json => type == PhysicalType.ByteArray || fixedLength,
            ValueKind.Unsigned or ValueKind.Time or ValueKind.Timestamp or ValueKind.TimestampUtc =>
                type is PhysicalType.Int32 or PhysicalType.Int64,
            ValueKind.Date => type == PhysicalType.Int32,
            ValueKind.Uuid => fixedLength && source.TypeLength == 16,
            ValueKind.Float16 => fixedLength && source.TypeLength == 2,
            ValueKind.Decimal => annotation.Scale is >= 0 and <= 2 * ScalarText.MaxDecimalBytes
                && (type is PhysicalType.Int32 or PhysicalType.Int64 or PhysicalType.ByteArray
                    || (fixedLength && source.TypeLength <= ScalarText.MaxDecimalBytes)),
            _ => true,
        };
        return fits
            ? new LeafColumn(path, type, fixedLength ? source.TypeLength : 0, annotation, definition, repetition)
            : throw _place.Damaged($"Column '{path}' is marked as {annotation.Kind} but stored as {type}.");
    }

    private static string Join(string parent, string name) => parent.Length == 0 ? name : $"{parent}.{name}";

    private sealed record Element(SchemaElement Source, IReadOnlyList<Element> Children);
}
