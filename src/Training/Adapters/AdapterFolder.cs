using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Json;
using Rm.Formats.Safetensors;
using Rm.Training.Model;

namespace Rm.Training.Adapters;

/// <summary>A LoRA adapter on disk in PEFT's layout: adapter_config.json and adapter_model.safetensors.</summary>
public sealed class AdapterFolder : IDisposable
{
    private const int MaxListed = 20;

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
        var folder = DurableDirectory.Resolve(path);
        if (!Directory.Exists(folder))
        {
            throw new UserInputException($"{path}: no such folder.");
        }

        var configPath = Path.Combine(folder, AdapterFiles.Config);
        var config = AdapterConfig.Parse(JsonInput.ReadFile(configPath), configPath);
        var weightsPath = Path.Combine(folder, AdapterFiles.Weights);
        if (!File.Exists(weightsPath) && File.Exists(Path.Combine(folder, "adapter_model.bin")))
        {
            throw new UserInputException($"{path}: the adapter is in PyTorch's pickle format; save it as {AdapterFiles.Weights} first.");
        }

        var file = SafetensorsFile.Open(weightsPath);
        try
        {
            var names = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var name in file.Tensors.Keys)
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

    /// <summary>True when there is a tensor of that name.</summary>
    public bool Contains(string name) => _nameInFile.ContainsKey(name);

    /// <summary>A tensor's type and shape, or a <see cref="UserInputException"/>.</summary>
    public SafetensorsTensor Tensor(string name) => _file.Tensor(NameInFile(name));

    /// <inheritdoc cref="SafetensorsFile.ReadFloat32"/>
    public void ReadFloat32(string name, Span<float> destination, long start = 0) =>
        _file.ReadFloat32(NameInFile(name), destination, start);

    /// <summary>
    /// Checks every tensor against the model and returns the adapted modules, the same in every layer. Throws
    /// <see cref="UserInputException"/> that lists missing, unexpected and wrongly shaped tensors by name.
    /// </summary>
    public IReadOnlyList<LinearModule> Check(ModelConfig model)
    {
        var modules = WeightNames.Modules.Where(module => Enumerable.Range(0, model.Layers)
            .Any(layer => Contains(AdapterNames.LoraA(layer, module)) || Contains(AdapterNames.LoraB(layer, module)))).ToArray();
        var faults = new List<string>();
        var expected = Expected(model, modules).ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
        foreach (var (name, shape) in expected)
        {
            if (!Contains(name))
            {
                faults.Add($"missing: {name} {SafetensorsTensor.ShapeToText(shape)}");
            }
            else if (Tensor(name) is var tensor && !tensor.Shape.AsSpan().SequenceEqual(shape))
            {
                faults.Add($"wrong shape: {name} is {tensor.ShapeText}, the model and r = {Config.Rank} ask for " +
                    SafetensorsTensor.ShapeToText(shape));
            }
            else if (!tensor.DType.IsWeight())
            {
                faults.Add($"unusable type: {name} is {tensor.DType.HeaderName()}; F32, F16 and BF16 can be read");
            }
        }

        faults.AddRange(Config.TargetModules
            .Where(target => WeightNames.ParseModule(target[(target.LastIndexOf('.') + 1)..]) is { } module && !modules.Contains(module))
            .Select(target => $"missing: every tensor of {target}, which target_modules lists"));
        faults.AddRange(Names.Where(name => !expected.ContainsKey(name)).Order(StringComparer.Ordinal)
            .Select(name => $"unexpected: {name} {Tensor(name).ShapeText}"));
        if (faults.Count > 0)
        {
            var more = faults.Count > MaxListed ? $"\n  and {faults.Count - MaxListed} more" : "";
            throw new UserInputException($"{_file.FilePath}: the adapter does not fit the model:\n  " +
                string.Join("\n  ", faults.Take(MaxListed)) + more);
        }

        return modules.Length > 0 || HasScore
            ? modules
            : throw new UserInputException($"{_file.FilePath}: the adapter holds no LoRA tensors and no reward head.");
    }

    /// <summary>
    /// Writes both files into a folder that is being saved; the tensors' names are those of <see cref="AdapterNames"/>.
    /// Throws <see cref="SaveFailedException"/>.
    /// </summary>
    public static void Write(DurableDirectory folder, AdapterConfig config, IEnumerable<TensorToWrite> tensors)
    {
        var list = tensors.ToArray();
        folder.Write(AdapterFiles.Weights, stream => SafetensorsWriter.Write(stream, list), SafetensorsWriter.FileLength(list));
        folder.Write(AdapterFiles.Config, config.ToJson());
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private string NameInFile(string name) => _nameInFile.GetValueOrDefault(name, name);

    private IEnumerable<(string Name, long[] Shape)> Expected(ModelConfig model, LinearModule[] modules)
    {
        for (var layer = 0; layer < model.Layers; layer++)
        {
            foreach (var module in modules)
            {
                var (rows, columns) = model.Sizes(module);
                yield return (AdapterNames.LoraA(layer, module), [Config.Rank, columns]);
                yield return (AdapterNames.LoraB(layer, module), [rows, Config.Rank]);
            }
        }

        if (HasScore)
        {
            yield return (AdapterNames.Saved(WeightNames.Score), [1, model.HiddenSize]);
        }

        foreach (var (name, width) in WeightNames.Norms(model).Where(norm => Contains(AdapterNames.Saved(norm.Name))))
        {
            yield return (AdapterNames.Saved(name), [width]);
        }
    }
}
