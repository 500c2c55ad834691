using System.Buffers.Binary;
using System.Text.Json;
using TorchSharp;

namespace Rm.PeerOfficial;

/// <summary>
/// The weights that training starts from, adapters included, as peer_train.py --save-start writes them: a safetensors file (8 bytes of
/// header length, a JSON header, the values) with a <see cref="PeerShape"/> in its metadata under "start".
/// </summary>
internal sealed class StartFile
{
    private readonly Dictionary<string, torch.Tensor> _tensors = new(StringComparer.Ordinal);

    private StartFile(PeerShape shape) => Shape = shape;

    /// <summary>What model this is.</summary>
    public PeerShape Shape { get; }

    /// <summary>Reads all into memory. Throws <see cref="InvalidDataException"/> with the file's name for what is no start file.</summary>
    public static StartFile Load(string path)
    {
        using FileStream file = File.OpenRead(path);
        Span<byte> length = stackalloc byte[8];
        file.ReadExactly(length);
        byte[] header = new byte[BinaryPrimitives.ReadInt32LittleEndian(length)];
        file.ReadExactly(header);
        using JsonDocument document = JsonDocument.Parse(header);
        if (!document.RootElement.TryGetProperty("__metadata__", out JsonElement metadata)
            || !metadata.TryGetProperty("start", out JsonElement start))
        {
            throw new InvalidDataException($"{path}: no start in its metadata; write it with peer_train.py --save-start.");
        }

        var result = new StartFile(JsonSerializer.Deserialize<PeerShape>(start.GetString()!)!);
        foreach (JsonProperty entry in document.RootElement.EnumerateObject().Where(static e => e.Name != "__metadata__"))
        {
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(static n => n.GetInt64())];
            torch.Tensor tensor = torch.empty(shape, DTypeOf(entry.Value.GetProperty("dtype").GetString()!));
            file.Position = 8 + header.Length + entry.Value.GetProperty("data_offsets")[0].GetInt64();
            file.ReadExactly(tensor.bytes);
            result._tensors.Add(entry.Name, tensor);
        }

        return result;
    }

    /// <summary>A tensor by the name it has in transformers, adapters as name.lora_A.weight and name.lora_B.weight.</summary>
    public torch.Tensor Take(string name) =>
        _tensors.TryGetValue(name, out torch.Tensor? tensor) ? tensor : throw new InvalidDataException($"The start file has no {name}.");

    /// <summary>The same, or null where the file has none.</summary>
    public torch.Tensor? TakeIfThere(string name) => _tensors.GetValueOrDefault(name);

    private static torch.ScalarType DTypeOf(string name) => name switch
    {
        "F32" => torch.ScalarType.Float32,
        "BF16" => torch.ScalarType.BFloat16,
        _ => throw new InvalidDataException($"The start file has a tensor of type {name}; F32 and BF16 are known."),
    };
}
