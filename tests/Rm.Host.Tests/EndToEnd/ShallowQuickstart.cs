using System.Text.Json.Nodes;
using Rm.Formats.Safetensors;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// The quickstart's model with its first two layers alone, which the emulator trains in a third of the time: for tests of what surrounds
/// the layers.
/// </summary>
internal static class ShallowQuickstart
{
    private const int Layers = 2;

    /// <summary>Writes the model's folder and returns its path.</summary>
    public static string Write(ScratchFolder scratch)
    {
        string source = Path.Combine(TestPaths.Repository, "examples", "quickstart", "model");
        foreach (string name in new[] { "tokenizer.json", "tokenizer_config.json" })
        {
            scratch.Write($"model/{name}", File.ReadAllBytes(Path.Combine(source, name)));
        }

        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        config["num_hidden_layers"] = Layers;
        config.Remove("layer_types");
        scratch.Write("model/config.json", config.ToJsonString());

        using var weights = SafetensorsFile.Open(Path.Combine(source, "model.safetensors"));
        using FileStream stream = File.Create(scratch["model/model.safetensors"]);
        SafetensorsWriter.Write(
            stream,
            weights.Tensors.Values.Where(tensor => LayerOf(tensor.Name) < Layers).Select(tensor => new TensorToWrite(
                tensor.Name, tensor.DType, tensor.Shape, (start, values) => weights.ReadFloat32(tensor.Name, values, start))),
            SafetensorsWriter.PyTorchMetadata);
        return scratch["model"];
    }

    private static int LayerOf(string tensor)
    {
        string[] parts = tensor.Split('.');
        int layers = Array.IndexOf(parts, "layers");
        return layers < 0 ? -1 : int.Parse(parts[layers + 1]);
    }
}
