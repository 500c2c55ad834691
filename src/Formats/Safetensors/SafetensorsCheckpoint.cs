using System.Text.Json;
using Rm.Formats.Json;

namespace Rm.Formats.Safetensors;

/// <summary>The weights of a checkpoint folder: model.safetensors, or the shards that model.safetensors.index.json lists.</summary>
public sealed class SafetensorsCheckpoint : IDisposable
{
    /// <summary>Name of an unsharded weights file.</summary>
    public const string SingleFileName = "model.safetensors";

    /// <summary>Name of the list of shards.</summary>
    public const string IndexFileName = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, SafetensorsFile> _fileOf = new(StringComparer.Ordinal);

    private SafetensorsCheckpoint(string folder) => Folder = folder;

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Names of all tensors.</summary>
    public IReadOnlyCollection<string> Names => _fileOf.Keys;

    /// <summary>The files that hold the weights.</summary>
    public IReadOnlyList<SafetensorsFile> Files => _files;

    /// <summary>Opens a folder's weights. Throws <see cref="UserInputException"/> that names the file and the fault.</summary>
    public static SafetensorsCheckpoint Open(string folder)
    {
        var checkpoint = new SafetensorsCheckpoint(folder);
        try
        {
            string single = Path.Combine(folder, SingleFileName);
            string index = Path.Combine(folder, IndexFileName);
            if (File.Exists(single))
            {
                SafetensorsFile file = checkpoint.Add(single);
                foreach (string name in file.Tensors.Keys)
                {
                    checkpoint._fileOf.Add(name, file);
                }
            }
            else if (File.Exists(index))
            {
                checkpoint.AddShards(index);
            }
            else
            {
                throw new UserInputException(Explain(folder));
            }

            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>True when there is a tensor of that name.</summary>
    public bool Contains(string name) => _fileOf.ContainsKey(name);

    /// <summary>The file that holds a tensor, or a <see cref="UserInputException"/>.</summary>
    public SafetensorsFile FileOf(string name) =>
        _fileOf.TryGetValue(name, out SafetensorsFile? file)
            ? file
            : throw new UserInputException($"{Folder}: the checkpoint has no tensor {name}.");

    /// <summary>A tensor's type and shape, or a <see cref="UserInputException"/>.</summary>
    public SafetensorsTensor Tensor(string name) => FileOf(name).Tensor(name);

    /// <inheritdoc cref="SafetensorsFile.ReadFloat32"/>
    public void ReadFloat32(string name, Span<float> destination, long start = 0) => FileOf(name).ReadFloat32(name, destination, start);

    /// <inheritdoc cref="SafetensorsFile.ReadBFloat16"/>
    public void ReadBFloat16(string name, Span<ushort> destination, long start = 0) => FileOf(name).ReadBFloat16(name, destination, start);

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private SafetensorsFile Add(string path)
    {
        var file = SafetensorsFile.Open(path);
        _files.Add(file);
        return file;
    }

    private void AddShards(string indexPath)
    {
        JsonElement root = JsonInput.ParseObject(JsonInput.ReadFile(indexPath, SafetensorsHeader.MaxJsonBytes), indexPath);
        if (!root.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new UserInputException($"{indexPath}: weight_map is missing or not an object of tensor name -> file name.");
        }

        var shards = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
            {
                throw new UserInputException($"{indexPath}: weight_map.{entry.Name} must be a file name.");
            }

            string shard = entry.Value.GetString()!;
            if (!shards.TryGetValue(shard, out SafetensorsFile? file))
            {
                file = OpenShard(indexPath, shard);
                shards.Add(shard, file);
            }

            if (!file.Tensors.ContainsKey(entry.Name))
            {
                throw new UserInputException($"{indexPath}: tensor {entry.Name} is listed in {shard} but is not there.");
            }

            _fileOf.Add(entry.Name, file);
        }

        if (shards.Count == 0)
        {
            throw new UserInputException($"{indexPath}: weight_map lists no tensors.");
        }

        AddUnlisted(indexPath, shards);
    }

    // transformers 5 reads every tensor of the shards that the index names, listed or not.
    private void AddUnlisted(string indexPath, Dictionary<string, SafetensorsFile> shards)
    {
        var listed = _fileOf.Keys.ToHashSet(StringComparer.Ordinal);
        foreach ((string? shard, SafetensorsFile? file) in shards)
        {
            foreach (string? name in file.Tensors.Keys.Where(name => !listed.Contains(name)))
            {
                if (!_fileOf.TryAdd(name, file))
                {
                    throw new UserInputException(
                        $"{indexPath}: tensor {name} is not listed, and {shard} is not the only shard that holds it.");
                }
            }
        }
    }

    private SafetensorsFile OpenShard(string indexPath, string shard)
    {
        // Shards lie beside the index; a separator, drive or ".." would let a downloaded index read any file of this machine.
        if (shard.Length == 0 || shard is "." or ".." || shard.AsSpan().IndexOfAny("/\\:\0") >= 0)
        {
            throw new UserInputException($"{indexPath}: \"{shard}\" is not the name of a file in the checkpoint's folder.");
        }

        string path = Path.Combine(Folder, shard);
        return File.Exists(path)
            ? Add(path)
            : throw new UserInputException($"{indexPath}: shard {shard} is missing from {Folder}; " +
                "the checkpoint is incomplete, download it again.");
    }

    private static string Explain(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return $"{folder}: no such folder.";
        }

        return File.Exists(Path.Combine(folder, "pytorch_model.bin")) || File.Exists(Path.Combine(folder, "pytorch_model.bin.index.json"))
            ? $"{folder}: the weights are in PyTorch's pickle format; save them as {SingleFileName} first " +
                "(save_pretrained with safe_serialization)."
            : $"{folder}: there is neither {SingleFileName} nor {IndexFileName}; this is not a checkpoint folder.";
    }
}
