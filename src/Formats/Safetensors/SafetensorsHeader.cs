using System.Text.Json;
using System.Text.Unicode;

namespace Rm.Formats.Safetensors;

/// <summary>
/// The header of a safetensors file: 8 bytes of length (little endian), then a JSON object name -> {dtype, shape, data_offsets},
/// then the data, without gaps. Format: https://github.com/huggingface/safetensors#format.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The bound that the format sets on the JSON's size.</summary>
    public const long MaxJsonBytes = 100_000_000;

    private readonly string _fileName;
    private readonly long _dataStart;
    private readonly long _dataLength;

    private SafetensorsHeader(string fileName, long dataStart, long dataLength)
    {
        _fileName = fileName;
        _dataStart = dataStart;
        _dataLength = dataLength;
    }

    public Dictionary<string, SafetensorsTensor> Tensors { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>The JSON's size in bytes from the file's first 8 bytes, checked against the file's length.</summary>
    public static int JsonLength(ulong length, long fileLength, string fileName)
    {
        if (length > MaxJsonBytes)
        {
            throw new UserInputException(
                $"{fileName}: the header claims {length} bytes, more than the {MaxJsonBytes} that safetensors allows; " +
                "this is not a safetensors file.");
        }

        if ((long)length > fileLength - 8)
        {
            throw new UserInputException(
                $"{fileName}: the header claims {length} bytes but the file ends after {fileLength - 8} of them; the file is truncated.");
        }

        return (int)length;
    }

    /// <summary>Parses and checks everything; <paramref name="fileLength"/> is the whole file's size in bytes.</summary>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long fileLength, string fileName)
    {
        long dataStart = 8L + json.Length;
        var header = new SafetensorsHeader(fileName, dataStart, fileLength - dataStart);
        if (!Utf8.IsValid(json))
        {
            throw header.Error("the header is not valid UTF-8");
        }

        try
        {
            header.ReadRoot(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: an escape such as a lone surrogate that is no text.
            throw new UserInputException($"{fileName}: the header is not valid JSON: {e.Message}", e);
        }

        header.CheckRanges();
        return header;
    }

    private void ReadRoot(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw Error("the header is not a JSON object");
        }

        bool sawMetadata = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (name == "__metadata__")
            {
                if (sawMetadata)
                {
                    throw Error("__metadata__ appears twice");
                }

                sawMetadata = true;
                ReadMetadata(ref reader);
            }
            else if (!Tensors.TryAdd(name, ReadTensor(name, ref reader)))
            {
                throw Error($"tensor {name} appears twice");
            }
        }

        // Only the padding may follow; anything else makes Read throw.
        reader.Read();
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Error("__metadata__ must be an object of texts");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
            {
                throw Error($"__metadata__.{key} must be a text");
            }

            if (!Metadata.TryAdd(key, reader.GetString()!))
            {
                throw Error($"__metadata__.{key} appears twice");
            }
        }
    }

    private SafetensorsTensor ReadTensor(string name, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Error($"tensor {name}: expected an object with dtype, shape and data_offsets");
        }

        SafetensorsDType? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            switch (key)
            {
                case "dtype" when dtype is null:
                    dtype = ReadDType(name, ref reader);
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(name, key, ref reader);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(name, key, ref reader);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw Error($"tensor {name}: {key} appears twice");
                default:
                    reader.Skip(); // of a newer version of the format; the library passes it over too
                    break;
            }
        }

        if (dtype is not { } type || shape is null || offsets is null)
        {
            string missing = dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets";
            throw Error($"tensor {name}: {missing} is missing");
        }

        return Check(name, type, shape, offsets);
    }

    private SafetensorsTensor Check(string name, SafetensorsDType dtype, long[] shape, long[] offsets)
    {
        if (offsets.Length != 2 || offsets[0] > offsets[1])
        {
            throw Error($"tensor {name}: data_offsets must be [begin, end] with begin <= end");
        }

        if (offsets[1] > _dataLength)
        {
            throw Error($"tensor {name}: data_offsets [{offsets[0]}, {offsets[1]}] run past the end of the data ({_dataLength} bytes); " +
                "the file is truncated");
        }

        long bits;
        try
        {
            bits = shape.Aggregate((long)dtype.Bits(), (product, size) => checked(product * size));
            // The product with a zero in it is zero whatever the other sizes are: they must still be sizes that can be multiplied.
            _ = shape.Where(size => size > 0).Aggregate(1L, (product, size) => checked(product * size));
        }
        catch (OverflowException)
        {
            throw Error($"tensor {name}: shape {SafetensorsTensor.ShapeToText(shape)} is too large");
        }

        if (bits % 8 != 0)
        {
            throw Error($"tensor {name}: misaligned: shape {SafetensorsTensor.ShapeToText(shape)} of {dtype.HeaderName()} " +
                "does not fill whole bytes");
        }

        long length = offsets[1] - offsets[0];
        if (bits / 8 != length)
        {
            throw Error($"tensor {name}: shape {SafetensorsTensor.ShapeToText(shape)} of {dtype.HeaderName()} needs {bits / 8} bytes " +
                $"but data_offsets give {length}");
        }

        return new SafetensorsTensor(name, dtype, shape, _dataStart + offsets[0], length);
    }

    private SafetensorsDType ReadDType(string name, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw Error($"tensor {name}: dtype must be a text");
        }

        string text = reader.GetString()!;
        return SafetensorsDTypes.Parse(text) ?? throw Error($"tensor {name}: unknown dtype {text}");
    }

    private long[] ReadNumbers(string name, string key, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Error($"tensor {name}: {key} must be a list of whole numbers");
        }

        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number))
            {
                throw Error($"tensor {name}: {key} must be a list of whole numbers (of at most 63 bits)");
            }

            if (number < 0)
            {
                throw Error($"tensor {name}: {key} holds the negative number {number}");
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    // The data must be covered exactly once: an overlap or a hole means that the offsets are not those that were written.
    private void CheckRanges()
    {
        long end = _dataStart;
        string previous = "the header";
        foreach (SafetensorsTensor? tensor in Tensors.Values.OrderBy(t => t.Start).ThenBy(t => t.ByteLength))
        {
            if (tensor.Start < end)
            {
                throw Error($"tensors {previous} and {tensor.Name} overlap");
            }

            if (tensor.Start > end)
            {
                throw Error($"{tensor.Start - end} bytes between {previous} and tensor {tensor.Name} belong to no tensor");
            }

            end = tensor.Start + tensor.ByteLength;
            previous = tensor.Name;
        }

        long left = _dataStart + _dataLength - end;
        if (left != 0)
        {
            throw Error($"{left} bytes after the last tensor ({previous}) belong to no tensor");
        }
    }

    private UserInputException Error(string message) => new($"{_fileName}: {message}.");
}
