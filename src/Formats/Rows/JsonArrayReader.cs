using System.Text.Json;
using System.Text.Unicode;
using Rm.Formats.Files;

namespace Rm.Formats.Rows;

/// <summary>
/// Streams the elements of a JSON list out of a file without holding the file: the list is the whole file, or the value of
/// "data" or "rows" in an object. Memory is bounded by the largest element, which <see cref="InputFile.MaxRowBytes"/> bounds.
/// </summary>
internal sealed class JsonArrayReader(Stream stream, string path) : IDisposable
{
    private readonly List<string> _properties = [];
    private byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;
    private bool _atEnd;
    private bool _markChecked;
    private long _line = 1;
    private JsonReaderState _state;
    private Phase _phase;

    private enum Phase
    {
        Start,
        InObject,
        InList,
        AfterList,
        Done,
    }

    /// <summary>Properties of a top-level object whose list is taken as the rows.</summary>
    public static IReadOnlyList<string> RowListNames { get; } = ["data", "rows"];

    /// <summary>
    /// The next element, the 1-based line on which it begins and its length in bytes; false after the last, once the rest of the file
    /// proved to be valid JSON.
    /// </summary>
    public bool TryRead(out JsonElement element, out long line, out int bytes)
    {
        element = default;
        line = 0;
        bytes = 0;
        while (_phase != Phase.Done)
        {
            try
            {
                if (!Advance(out JsonElement? found, out long foundLine, out int foundBytes))
                {
                    Fill();
                }
                else if (found is { } value)
                {
                    (element, line, bytes) = (value, foundLine, foundBytes);
                    return true;
                }
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                string where = e is JsonException { LineNumber: { } number } ? $"line {number + 1}" : $"line {_line}";
                throw new UserInputException($"{path}, {where}: not valid JSON. A .json file holds one list of row objects.", e);
            }
        }

        return false;
    }

    public void Dispose() => stream.Dispose();

    // One move of the state machine. False when more bytes are needed; nothing is then consumed.
    private bool Advance(out JsonElement? element, out long line, out int bytes)
    {
        element = null;
        line = 0;
        bytes = 0;
        if (!_markChecked)
        {
            if (_end < 3 && !_atEnd)
            {
                return false;
            }

            _start = _buffer.AsSpan(0, _end).StartsWith("\uFEFF"u8) ? 3 : 0;
            _markChecked = true;
        }

        var reader = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _atEnd, _state);
        if (!reader.Read())
        {
            if (_atEnd)
            {
                _phase = Phase.Done;
                return true;
            }

            return false;
        }

        switch (_phase)
        {
            case Phase.Start:
                _phase = reader.TokenType switch
                {
                    JsonTokenType.StartArray => Phase.InList,
                    JsonTokenType.StartObject => Phase.InObject,
                    _ => throw new UserInputException(
                        $"{path}, line {_line}: a .json file must hold a list of rows, or an object with one under \"data\" or \"rows\"."),
                };
                break;
            case Phase.InObject when reader.TokenType == JsonTokenType.EndObject:
                throw new UserInputException(
                    $"{path}: the object has no list of rows under \"data\" or \"rows\"; it has {Names.List(_properties)}.");
            case Phase.InObject:
                string name = reader.GetString()!;
                if (!reader.Read())
                {
                    return false;
                }

                if (reader.TokenType == JsonTokenType.StartArray && RowListNames.Contains(name))
                {
                    _phase = Phase.InList;
                }
                else if (!reader.TrySkip())
                {
                    return false;
                }

                _properties.Add(name);
                break;
            case Phase.InList when reader.TokenType != JsonTokenType.EndArray:
                int offset = (int)reader.TokenStartIndex;
                if (!JsonElement.TryParseValue(ref reader, out element))
                {
                    return false;
                }

                line = _line + _buffer.AsSpan(_start, offset).Count((byte)'\n');
                bytes = (int)reader.BytesConsumed - offset;
                if (!Utf8.IsValid(_buffer.AsSpan(_start + offset, bytes)))
                {
                    throw new UserInputException($"{path}, line {line}: the bytes are not UTF-8. Save the file as UTF-8.");
                }

                break;
            case Phase.InList:
                _phase = Phase.AfterList;
                break;
            default:
                break;
        }

        Commit(ref reader);
        return true;
    }

    private void Commit(ref Utf8JsonReader reader)
    {
        int consumed = (int)reader.BytesConsumed;
        _line += _buffer.AsSpan(_start, consumed).Count((byte)'\n');
        _start += consumed;
        _state = reader.CurrentState;
    }

    // Fills the buffer to the brim, so that retrying a long element stays linear in its length.
    private void Fill()
    {
        int kept = _end - _start;
        if (kept > InputFile.MaxRowBytes)
        {
            throw new UserInputException($"{path}, line {_line}: a row is longer than {InputFile.MaxRowBytes >> 20} MB.");
        }

        byte[] target = kept * 2 > _buffer.Length ? new byte[_buffer.Length * 2] : _buffer;
        Buffer.BlockCopy(_buffer, _start, target, 0, kept);
        _buffer = target;
        _start = 0;
        _end = kept;
        while (_end < _buffer.Length)
        {
            int read = InputFile.Read(stream, _buffer.AsSpan(_end), path);
            if (read == 0)
            {
                _atEnd = true;
                return;
            }

            _end += read;
        }
    }
}
