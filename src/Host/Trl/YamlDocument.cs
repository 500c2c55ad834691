using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Rm.Formats;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Rm.Host.Trl;

/// <summary>
/// Reads a YAML file as the Python tools do (YAML 1.1's plain scalars: <c>yes</c> is true, <c>5.0e-4</c> a number, <c>5e-4</c> a string).
/// Only the library's parser of events is used, which needs no reflection.
/// </summary>
internal static partial class YamlDocument
{
    private const int MaxDepth = 32;
    private const int MaxNodes = 100_000;
    private static readonly string[] True = ["yes", "true", "on"], False = ["no", "false", "off"];

    /// <summary>The one document of a file. Throws <see cref="UserInputException"/> naming file and line.</summary>
    public static JsonNode? Read(string path)
    {
        try
        {
            using StreamReader reader = File.OpenText(path);
            return Parse(reader, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserInputException($"--config {path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>The one document of a text.</summary>
    internal static JsonNode? Parse(TextReader text, string path)
    {
        try
        {
            var parser = new Parser(text);
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _))
            {
                return null;
            }

            parser.Consume<DocumentStart>();
            JsonNode? root = new NodeReader(parser, path).Read(0);
            parser.Consume<DocumentEnd>();
            return parser.Accept<DocumentStart>(out DocumentStart? second)
                ? throw Error(path, second.Start, "a second document; there must be one")
                : root;
        }
        catch (YamlException e)
        {
            throw Error(path, e.Start, $"is not valid YAML: {e.InnerException?.Message ?? e.Message}", e);
        }
    }

    private static UserInputException Error(string path, Mark mark, string message, Exception? inner = null) =>
        new($"{path}, line {mark.Line}: {message}.", inner);

    private static JsonNode? Resolve(Scalar scalar)
    {
        string text = scalar.Value, tag = scalar.Tag.IsEmpty ? "" : scalar.Tag.Value;
        if (tag.EndsWith(":str", StringComparison.Ordinal) || (tag.Length == 0 && scalar.Style != ScalarStyle.Plain))
        {
            return JsonValue.Create(text);
        }

        if (text is "" or "~" or "null" or "Null" or "NULL")
        {
            return null;
        }

        if (IsWord(text, True) || IsWord(text, False))
        {
            return JsonValue.Create(IsWord(text, True));
        }

        string digits = text.Replace("_", "", StringComparison.Ordinal);
        return WholeNumber().IsMatch(text)
            && long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole)
            ? JsonValue.Create(whole)
            : RealNumber().IsMatch(text) && double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double real)
                && double.IsFinite(real)
                ? JsonValue.Create(real)
                : JsonValue.Create(text);
    }

    // "yes", "Yes" and "YES", but not "yEs".
    private static bool IsWord(string text, string[] words) => words.Any(word =>
        text == word || string.Equals(text, word.ToUpperInvariant(), StringComparison.Ordinal)
            || (text.Length == word.Length && text[0] == char.ToUpperInvariant(word[0]) && text.AsSpan(1).SequenceEqual(word.AsSpan(1))));

    [GeneratedRegex(@"^[-+]?(0|[1-9][0-9_]*)$")]
    private static partial Regex WholeNumber();

    [GeneratedRegex(@"^[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?$")]
    private static partial Regex RealNumber();

    /// <summary>Builds nodes; an alias gives a copy of what its anchor stands for.</summary>
    private sealed class NodeReader(IParser parser, string path)
    {
        private readonly Dictionary<string, JsonNode?> _anchors = new(StringComparer.Ordinal);
        private int _nodes;

        public JsonNode? Read(int depth)
        {
            ParsingEvent next = parser.Consume<ParsingEvent>();
            if (depth > MaxDepth || ++_nodes > MaxNodes)
            {
                throw Error(path, next.Start, "is nested too deeply, or has too many values, for a configuration");
            }

            JsonNode? node = next switch
            {
                Scalar scalar => Resolve(scalar),
                SequenceStart => Sequence(depth),
                MappingStart => Mapping(depth),
                AnchorAlias alias => _anchors.TryGetValue(alias.Value.Value, out JsonNode? target)
                    ? Copy(target, next)
                    : throw Error(path, next.Start, $"*{alias.Value.Value} stands for nothing"),
                _ => throw Error(path, next.Start, "a value is missing"),
            };
            if (next is NodeEvent { Anchor.IsEmpty: false } anchored)
            {
                _anchors[anchored.Anchor.Value] = node;
            }

            return node;
        }

        // Copies of copies could grow without bound.
        private JsonNode? Copy(JsonNode? node, ParsingEvent at)
        {
            _nodes += Count(node);
            return _nodes > MaxNodes ? throw Error(path, at.Start, "has too many values for a configuration") : node?.DeepClone();
        }

        private static int Count(JsonNode? node) => node switch
        {
            JsonArray array => 1 + array.Sum(Count),
            JsonObject members => 1 + members.Sum(member => Count(member.Value)),
            _ => 1,
        };

        private JsonArray Sequence(int depth)
        {
            var array = new JsonArray();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                array.Add(Read(depth + 1));
            }

            return array;
        }

        private JsonObject Mapping(int depth)
        {
            var members = new JsonObject();
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                Scalar key = parser.Accept<Scalar>(out _)
                    ? parser.Consume<Scalar>()
                    : throw Error(path, parser.Current?.Start ?? Mark.Empty, "a key must be a name");
                JsonNode? value = Read(depth + 1);
                if (!members.TryAdd(key.Value, value))
                {
                    throw Error(path, key.Start, $"'{key.Value}' stands there twice");
                }
            }

            return members;
        }
    }
}
