using System.Runtime.InteropServices;
using Rm.Formats.Files;
using Rm.Formats.Safetensors;
using Rm.Formats.Tokenization;
using Rm.Kernels.Tensors;
using Rm.Training.Adapters;
using Rm.Training.Model;

namespace Rm.Training.Artifacts;

/// <summary>
/// A trained model on disk: a PEFT adapter folder for LoRA, a whole SequenceClassification folder for full fine-tuning. Values are float32,
/// so that reading them back gives the bits that were trained.
/// </summary>
public static class ModelFolder
{
    /// <summary>Name of the file that tells what texts the model was trained on.</summary>
    public const string ArtifactFileName = "btrm.json";

    // Files of the base checkpoint that a SequenceClassification folder needs beside its weights.
    internal static IReadOnlyList<string> TokenizerFiles { get; } =
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt", "added_tokens.json"];

    /// <summary>Writes the model's files into a folder that is being saved.</summary>
    /// <param name="folder">The save.</param>
    /// <param name="model">The model.</param>
    /// <param name="baseModel">What the user named as the model: folder or hub id.</param>
    /// <param name="baseFolder">The base checkpoint's folder, for tokenizer files; null when there is none.</param>
    /// <param name="padTokenId">Goes into the config.json of a whole model; null keeps what the base says.</param>
    public static void Write(DurableDirectory folder, RewardModel model, string baseModel, string? baseFolder, int? padTokenId = null)
    {
        if (model.Scope.Lora is { } lora)
        {
            AdapterFolder.Write(folder, ConfigOf(lora, baseModel), Tensors(model, name => NameInAdapter(lora, name)));
            return;
        }

        TensorToWrite[] tensors = [.. Tensors(model, name => name)];
        folder.Write(
            SafetensorsCheckpoint.SingleFileName, stream =>
                SafetensorsWriter.Write(stream, tensors), SafetensorsWriter.FileLength(tensors));
        folder.Write(ModelConfig.FileName, model.Config.ToJson("float32", padTokenId));
        CopyTokenizer(folder, baseFolder);
    }

    /// <summary>Copies a checkpoint's tokenizer files into a folder that is being saved.</summary>
    public static void CopyTokenizer(DurableDirectory folder, string? baseFolder)
    {
        if (baseFolder is null)
        {
            return;
        }

        foreach (
            string file in TokenizerFiles.Where(f => File.Exists(Path.Combine(baseFolder, f))).Concat(ChatTemplateFiles.In(baseFolder)))
        {
            folder.Write(file, File.ReadAllBytes(Path.Combine(baseFolder, file)));
        }
    }

    /// <summary>
    /// Reads what <see cref="Write"/> wrote and compares it with the model, to the bit. Throws <see cref="SaveFailedException"/> naming the
    /// first tensor that differs.
    /// </summary>
    public static void Verify(string folder, RewardModel model)
    {
        bool isAdapter = model.Scope.Lora is not null;
        using var file = SafetensorsFile.Open(
            Path.Combine(folder, isAdapter ? AdapterFiles.Weights : SafetensorsCheckpoint.SingleFileName));
        foreach (Parameter parameter in model.Parameters.All)
        {
            float[] expected = model.Parameters.Read(model.Parameters.Values, parameter);
            float[] found = new float[expected.Length];
            file.ReadFloat32(isAdapter ? NameInAdapter(model.Scope.Lora!, parameter.Name) : parameter.Name, found);
            found = parameter.FromFile(found);
            if (!MemoryMarshal.AsBytes<float>(expected).SequenceEqual(MemoryMarshal.AsBytes<float>(found)))
            {
                throw new SaveFailedException(
                    $"{folder}: {parameter.Name} reads back with other values than were written. The disk may be failing.");
            }
        }
    }

    /// <summary>Sets the model's trainable parameters from a folder that <see cref="Write"/> or PEFT wrote.</summary>
    public static void Load(string folder, RewardModel model)
    {
        if (model.Scope.Lora is null)
        {
            using var weights = CheckpointWeights.Open(folder, model.Config);
            foreach (Parameter parameter in model.Parameters.All)
            {
                Set(model, parameter, destination => weights.ReadFloat32(parameter.Name, destination));
            }

            model.Refresh();
            return;
        }

        using var adapter = AdapterFolder.Read(folder);
        adapter.Check(model.Config);
        foreach (Parameter parameter in model.Parameters.All)
        {
            string name = AdapterNames.Saved(parameter.Name);
            if (parameter.Kind is ParameterKind.LoraA or ParameterKind.LoraB || adapter.Contains(name))
            {
                Set(model, parameter, destination => adapter.ReadFloat32(name, destination));
            }
        }

        // PEFT saves the base table along with its factors; it counts, as tokens may have been added.
        string table = AdapterNames.Saved(WeightNames.Embedding);
        if (adapter.Contains(table) && model.Parameters.All.All(p => p.Name != WeightNames.Embedding))
        {
            model.ReplaceEmbedding((start, destination) => adapter.ReadFloat32(table, destination, start));
        }

        model.Refresh();
    }

    /// <summary>Safetensors entries of a range of the flat buffer, one per parameter.</summary>
    internal static IEnumerable<TensorToWrite> Tensors(RewardModel model, Func<string, string> nameInFile, Tensor? buffer = null)
    {
        ParameterBuffer parameters = model.Parameters;
        Tensor source = buffer ?? parameters.Values;
        foreach (Parameter parameter in parameters.All)
        {
            yield return new TensorToWrite(
                nameInFile(parameter.Name), SafetensorsDType.F32, parameter.FileShape, (start, destination) =>
                    ReadForFile(parameters, source, parameter, start, destination));
        }
    }

    private static void Set(RewardModel model, Parameter parameter, Action<float[]> read)
    {
        float[] values = new float[parameter.Count];
        read(values);
        model.Parameters.Write(model.Parameters.Values, parameter, parameter.FromFile(values));
    }

    // PEFT keeps an adapted module's own bias inside the wrapped layer.
    private static string NameInAdapter(LoraSettings lora, string name)
    {
        const string Bias = ".bias";
        string module = name.EndsWith(Bias, StringComparison.Ordinal) ? name[..^Bias.Length] : "";
        string[] parts = module.Split('.');
        bool isAdapted = parts.Length > 3 && WeightNames.ParseModule(parts[^1]) is { } m && int.TryParse(parts[2], out int layer)
            && lora.Of(layer, m) is not null;
        return AdapterNames.Saved(isAdapted ? $"{module}.base_layer{Bias}" : name);
    }

    private static void ReadForFile(ParameterBuffer parameters, Tensor source, Parameter parameter, long start, Span<float> destination)
    {
        if (parameter.IsTransposed)
        {
            parameter.ToFile(parameters.Read(source, parameter)).AsSpan((int)start, destination.Length).CopyTo(destination);
            return;
        }

        parameters.Read(source, parameter, start, destination);
    }

    // Where modules differ, they are listed by their whole paths, each with its own rank and alpha.
    private static AdapterConfig ConfigOf(LoraSettings lora, string baseModel)
    {
        (string Path, LoraSize Size)[] exact = [.. (lora.Exact ?? new Dictionary<(int, LinearModule), LoraSize>())
            .OrderBy(e => e.Key.Item1).ThenBy(e => e.Key.Item2).Select(e => (WeightNames.Path(e.Key.Item1, e.Key.Item2), e.Value))];
        IEnumerable<string> targets = lora.Exact is null ? lora.TargetModules.Select(m => m.Name()) : exact.Select(e => e.Path);
        return new AdapterConfig(
            lora.Rank, lora.Alpha, [.. lora.Embedding is null ? targets : targets.Append("embed_tokens")], lora.UseRslora, lora.Dropout,
            [.. AdapterConfig.HeadModules.Union(lora.ModulesToSave ?? [], StringComparer.Ordinal)], baseModel)
        {
            UseDora = lora.UseDora,
            Biases = lora.Biases,
            HasFactorBias = lora.HasFactorBias,
            TrainableTokens = lora.TrainableTokens,
            RankPattern = [.. exact.Where(e => e.Size.Rank != lora.Rank).Select(e => KeyValuePair.Create(e.Path, e.Size.Rank))],
            AlphaPattern = [.. exact.Where(e => e.Size.Alpha != lora.Alpha).Select(e => KeyValuePair.Create(e.Path, e.Size.Alpha))],
        };
    }
}
