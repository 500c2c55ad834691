using System.Numerics;
using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Safetensors;
using Rm.Training.Adapters;
using Rm.Training.Model;

namespace Rm.Training.Artifacts;

/// <summary>Merges a LoRA adapter into its base checkpoint: W + s B A for every adapted weight, whole tensors for the head and trained norms.</summary>
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
        using CheckpointWeights weights = CheckpointWeights.Open(baseFolder, config);
        using AdapterFolder adapter = AdapterFolder.Read(adapterFolder);
        IReadOnlyList<LinearModule> modules = adapter.Check(config);
        if (!adapter.HasScore && !weights.HasScore)
        {
            throw new UserInputException($"{adapterFolder}: brings no reward head and the base has none; there is nothing to score with.");
        }

        SafetensorsDType headType = dtype ?? weights.Tensor(WeightNames.Embedding).DType;
        List<TensorToWrite> tensors = [.. WeightNames.Decoder(config).Select(t => Plain(weights, adapter, t.Name, t.Shape, dtype))];
        tensors.Add(Plain(weights, adapter, WeightNames.Score, [1, config.HiddenSize], headType));
        foreach (LinearModule module in modules)
        {
            for (int layer = 0; layer < config.Layers; layer++)
            {
                int index = tensors.FindIndex(t => t.Name == WeightNames.Weight(layer, module));
                tensors[index] = Adapted(tensors[index], adapter, layer, module);
            }
        }

        using DurableDirectory save = DurableDirectory.Begin(target);
        save.Write(
            SafetensorsCheckpoint.SingleFileName, stream => SafetensorsWriter.Write(stream, tensors), SafetensorsWriter.FileLength(tensors));
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
            ? new TensorToWrite(name, dtype ?? weights.Tensor(name).DType, shape, (start, destination) => adapter.ReadFloat32(saved, destination, start))
            : new TensorToWrite(name, dtype ?? weights.Tensor(name).DType, shape, (start, destination) => weights.ReadFloat32(name, destination, start));
    }

    private static TensorToWrite Adapted(TensorToWrite tensor, AdapterFolder adapter, int layer, LinearModule module)
    {
        int columns = (int)tensor.Shape[1];
        int rank = adapter.Config.Rank;
        float[]? a = null;
        float[]? b = null;
        return tensor with
        {
            Fill = (start, destination) =>
            {
                tensor.Fill(start, destination);
                a ??= Read(adapter, AdapterNames.LoraA(layer, module));
                b ??= Read(adapter, AdapterNames.LoraB(layer, module));
                for (int done = 0; done < destination.Length;)
                {
                    long row = (start + done) / columns;
                    int column = (int)((start + done) % columns);
                    int count = Math.Min(columns - column, destination.Length - done);
                    for (int r = 0; r < rank; r++)
                    {
                        float factor = (float)(adapter.Config.Scale * b[(row * rank) + r]);
                        AddScaled(a.AsSpan((r * columns) + column, count), factor, destination.Slice(done, count));
                    }

                    done += count;
                }
            },
        };
    }

    private static float[] Read(AdapterFolder adapter, string name)
    {
        float[] values = new float[adapter.Tensor(name).ElementCount];
        adapter.ReadFloat32(name, values);
        return values;
    }

    private static void AddScaled(ReadOnlySpan<float> source, float factor, Span<float> destination)
    {
        int i = 0;
        var factors = new Vector<float>(factor);
        for (; i <= source.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            (new Vector<float>(destination[i..]) + (factors * new Vector<float>(source[i..]))).CopyTo(destination[i..]);
        }

        for (; i < source.Length; i++)
        {
            destination[i] += factor * source[i];
        }
    }

    private static string Name(SafetensorsDType dtype) => dtype switch
    {
        SafetensorsDType.BF16 => "bfloat16",
        SafetensorsDType.F16 => "float16",
        _ => "float32",
    };
}
