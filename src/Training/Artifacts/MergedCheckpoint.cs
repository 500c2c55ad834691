using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Safetensors;
using Rm.Training.Adapters;
using Rm.Training.Model;

namespace Rm.Training.Artifacts;

/// <summary>
/// Merges a LoRA adapter into its base checkpoint: W + s B A for every adapted weight, whole tensors for the head and trained norms.
/// </summary>
public static class MergedCheckpoint
{
    /// <summary>
    /// Writes a SequenceClassification folder. Weights stream through: nothing larger than a tensor's factors is held.
    /// </summary>
    /// <param name="baseFolder">The base checkpoint.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="adapterFolder">The adapter.</param>
    /// <param name="target">Folder to write.</param>
    /// <param name="dtype">Type of the weights; null keeps that of each base tensor.</param>
    public static void Write(string baseFolder, ModelConfig config, string adapterFolder, string target, SafetensorsDType? dtype)
    {
        using var weights = CheckpointWeights.Open(baseFolder, config);
        using var adapter = AdapterFolder.Read(adapterFolder);
        LoraSettings lora = adapter.Check(config);
        if (!adapter.HasScore && !weights.HasScore)
        {
            throw new UserInputException($"{adapterFolder}: brings no reward head and the base has none; there is nothing to score with.");
        }

        SafetensorsDType headType = dtype ?? weights.Tensor(WeightNames.Embedding).DType;
        List<TensorToWrite> tensors = [.. WeightNames.Decoder(config).Select(t => Plain(weights, adapter, t.Name, t.Shape, dtype))];
        tensors.Add(Plain(weights, adapter, WeightNames.Score, [1, config.HiddenSize], headType));
        var merge = new AdapterMerge(adapter, config, lora);
        for (int i = 0; i < tensors.Count; i++)
        {
            tensors[i] = merge.Apply(tensors[i]);
        }

        using var save = DurableDirectory.Begin(target);
        save.Write(
            SafetensorsCheckpoint.SingleFileName, stream =>
                SafetensorsWriter.Write(stream, tensors), SafetensorsWriter.FileLength(tensors));
        save.Write(ModelConfig.FileName, config.ToJson(Name(headType)));
        ModelFolder.CopyTokenizer(save, baseFolder);
        string artifact = Path.Combine(adapterFolder, ModelFolder.ArtifactFileName);
        if (File.Exists(artifact))
        {
            save.Write(ModelFolder.ArtifactFileName, File.ReadAllBytes(artifact));
        }

        save.Commit();
    }

    private static TensorToWrite Plain(CheckpointWeights weights, AdapterFolder adapter, string name, long[] shape, SafetensorsDType? dtype)
    {
        string saved = AdapterNames.Saved(name);
        return adapter.Contains(saved)
            ? new TensorToWrite(
                name, dtype ?? weights.Tensor(name).DType, shape, (start, destination) => adapter.ReadFloat32(saved, destination, start))
            : new TensorToWrite(
                name, dtype ?? weights.Tensor(name).DType, shape, (start, destination) => weights.ReadFloat32(name, destination, start));
    }

    private static string Name(SafetensorsDType dtype) => dtype switch
    {
        SafetensorsDType.BF16 => "bfloat16",
        SafetensorsDType.F16 => "float16",
        _ => "float32",
    };
}
