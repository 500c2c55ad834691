using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Json;
using Rm.Formats.Safetensors;
using Rm.Training.Model;

namespace Rm.Training.Adapters;

/// <summary>A LoRA adapter on disk in PEFT's layout: adapter_config.json and adapter_model.safetensors.</summary>
public sealed class AdapterFolder : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly Dictionary<string, string> _nameInFile;

    private AdapterFolder(string path, AdapterConfig config, SafetensorsFile file, Dictionary<string, string> nameInFile)
    {
        FolderPath = path;
        Config = config;
        _file = file;
        _nameInFile = nameInFile;
    }

    /// <summary>The folder as it was given.</summary>
    public string FolderPath { get; }

    /// <summary>adapter_config.json.</summary>
    public AdapterConfig Config { get; }

    /// <summary>Names of the tensors, in the spelling of <see cref="AdapterNames"/>.</summary>
    public IReadOnlyCollection<string> Names => _nameInFile.Keys;

    /// <summary>True when the adapter brings a reward head.</summary>
    public bool HasScore => Contains(AdapterNames.Saved(WeightNames.Score));

    /// <summary>True when the adapter brings trained norms.</summary>
    public bool HasNorms => Contains(AdapterNames.Saved(WeightNames.FinalNorm));

    /// <summary>
    /// Opens an adapter folder; <see cref="Check"/> then compares it with the model. Throws <see cref="UserInputException"/> that names the
    /// file and the field or tensor.
    /// </summary>
    public static AdapterFolder Read(string path)
    {
        string folder = DurableDirectory.Resolve(path);
        if (!Directory.Exists(folder))
        {
            throw new UserInputException($"{path}: no such folder.");
        }

        string configPath = Path.Combine(folder, AdapterFiles.Config);
        var config = AdapterConfig.Parse(JsonInput.ReadFile(configPath), configPath);
        string weightsPath = Path.Combine(folder, AdapterFiles.Weights);
        if (!File.Exists(weightsPath) && File.Exists(Path.Combine(folder, "adapter_model.bin")))
        {
            throw new UserInputException($"{path}: the adapter is in PyTorch's pickle format; save it as {AdapterFiles.Weights} first.");
        }

        var file = SafetensorsFile.Open(weightsPath);
        try
        {
            var names = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (string name in file.Tensors.Keys)
            {
                if (!names.TryAdd(AdapterNames.Normalize(name), name))
                {
                    throw new UserInputException($"{weightsPath}: {name} and {names[AdapterNames.Normalize(name)]} are the same tensor.");
                }
            }

            return new AdapterFolder(path, config, file, names);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The file with the tensors.</summary>
    public string WeightsPath => _file.FilePath;

    /// <summary>True when there is a tensor of that name.</summary>
    public bool Contains(string name) => _nameInFile.ContainsKey(name);

    /// <summary>A tensor's type and shape, or a <see cref="UserInputException"/>.</summary>
    public SafetensorsTensor Tensor(string name) => _file.Tensor(NameInFile(name));

    /// <inheritdoc cref="SafetensorsFile.ReadFloat32"/>
    public void ReadFloat32(string name, Span<float> destination, long start = 0) =>
        _file.ReadFloat32(NameInFile(name), destination, start);

    /// <summary>
    /// Checks every tensor against the model and returns what the adapter holds. Throws <see cref="UserInputException"/> that lists
    /// missing, unexpected and wrongly shaped tensors by name.
    /// </summary>
    public LoraSettings Check(ModelConfig model) => new AdapterContents(this, model).Settings();

    /// <summary>
    /// Writes both files into a folder that is being saved; the tensors' names are those of <see cref="AdapterNames"/>.
    /// Throws <see cref="SaveFailedException"/>.
    /// </summary>
    public static void Write(DurableDirectory folder, AdapterConfig config, IEnumerable<TensorToWrite> tensors)
    {
        TensorToWrite[] list = tensors.ToArray();
        folder.Write(AdapterFiles.Weights, stream => SafetensorsWriter.Write(stream, list), SafetensorsWriter.FileLength(list));
        folder.Write(AdapterFiles.Config, config.ToJson());
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private string NameInFile(string name) => _nameInFile.GetValueOrDefault(name, name);
}
