using System.Buffers.Binary;
using System.Text.Json.Nodes;

namespace Rm.Host.Tests.Serving;

/// <summary>
/// The model folders behind the recorded exchanges. Their weights and vocabulary are those of the quickstart's model, which is in the
/// repository already; what differs lies in tests/golden/serving.
/// </summary>
internal static class ServedFolders
{
    public static string Golden => Path.Combine(TestPaths.Golden, "serving");

    private static string Quickstart => Path.Combine(TestPaths.Repository, "examples", "quickstart", "model");

    /// <summary>The folder of one of the recorded servers.</summary>
    public static string Make(ScratchFolder scratch, string server)
    {
        string model = server == "rm-llama" ? "rm-llama" : "rm-qwen2";
        string folder = scratch[server];
        Directory.CreateDirectory(folder);
        foreach (string file in new[] { "config.json", "tokenizer_config.json", "chat_template.jinja" })
        {
            File.Copy(Path.Combine(Golden, model, file), Path.Combine(folder, file));
        }

        JsonNode tokenizer = JsonNode.Parse(File.ReadAllText(Path.Combine(Quickstart, "tokenizer.json")))!;
        tokenizer["post_processor"] = JsonNode.Parse(File.ReadAllText(Path.Combine(Golden, model, "post_processor.json")));
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString());
        if (model == "rm-llama")
        {
            File.Copy(Path.Combine(Golden, model, "model.safetensors"), Path.Combine(folder, "model.safetensors"));
            return folder;
        }

        AddHead(Path.Combine(folder, "model.safetensors"));
        if (server == "rm-qwen2-regression")
        {
            string path = Path.Combine(folder, "config.json");
            JsonNode config = JsonNode.Parse(File.ReadAllText(path))!;
            config["problem_type"] = "regression";
            File.WriteAllText(path, config.ToJsonString());
        }

        return folder;
    }

    private static void AddHead(string path)
    {
        byte[] weights = File.ReadAllBytes(Path.Combine(Quickstart, "model.safetensors"));
        byte[] head = File.ReadAllBytes(Path.Combine(Golden, "rm-qwen2", "score.weight.bin"));
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(weights);
        ReadOnlySpan<byte> data = weights.AsSpan(8 + length);
        JsonObject header = JsonNode.Parse(weights.AsSpan(8, length))!.AsObject();
        header["score.weight"] = new JsonObject
        {
            ["dtype"] = "BF16",
            ["shape"] = new JsonArray(1, head.Length / 2),
            ["data_offsets"] = new JsonArray(data.Length, data.Length + head.Length),
        };
        byte[] text = System.Text.Encoding.UTF8.GetBytes(header.ToJsonString());
        byte[] size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, text.Length);
        File.WriteAllBytes(path, [.. size, .. text, .. data, .. head]);
    }
}
