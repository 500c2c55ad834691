using System.Text.Json;
using Rm.Formats.Json;

namespace Rm.Training.Model;

/// <summary>
/// config.json -> <see cref="ModelConfig"/>. Absent fields take the defaults of transformers' configuration classes; a setting that would
/// change the computation and is not supported is an error, never ignored.
/// </summary>
internal static class ModelConfigReader
{
    // Bounds that no real model reaches; they keep every product of two sizes within 63 bits.
    private const int MaxSize = 1 << 24;
    private const int MaxLayers = 4096;

    public static ModelConfig Read(ReadOnlyMemory<byte> utf8, string fileName)
    {
        var fields = new JsonFields(JsonInput.ParseObject(utf8, fileName), fileName);
        var warnings = new List<string>();
        var architecture = ReadArchitecture(fields);
        var family = ReadFamily(fields, architecture);
        var hidden = fields.Int("hidden_size", 1, MaxSize);
        var heads = fields.Int("num_attention_heads", 1, MaxSize);
        var headDim = ReadHeadDim(fields, family, hidden, heads);
        var kvHeads = fields.Int("num_key_value_heads", 1, MaxSize, family == ModelFamily.Llama ? heads : Math.Min(32, heads));
        if (heads % kvHeads != 0)
        {
            throw fields.Error("num_key_value_heads", $"is {kvHeads}, which does not divide num_attention_heads = {heads}.");
        }

        var layers = fields.Int("num_hidden_layers", 1, MaxLayers);
        var maxPositions = fields.Int("max_position_embeddings", 1, int.MaxValue, family == ModelFamily.Llama ? 2048 : 32768);
        UnsupportedSettings.Check(fields, family, layers, maxPositions, warnings);
        CheckLabels(fields, architecture);
        var (ropeTheta, ropeScaling) = RopeReader.Read(fields, maxPositions);

        return new ModelConfig(
            family,
            VocabSize: fields.Int("vocab_size", 1, MaxSize),
            hidden,
            layers,
            heads,
            kvHeads,
            headDim,
            IntermediateSize: fields.Int("intermediate_size", 1, MaxSize),
            RmsNormEps: (float)fields.Double("rms_norm_eps", 0, 1, 1e-6),
            ropeTheta,
            ropeScaling,
            TieWordEmbeddings: fields.Bool("tie_word_embeddings", false),
            InitializerRange: fields.Double("initializer_range", 0, 100, 0.02),
            maxPositions)
        {
            PadTokenId = fields.OptionalInt("pad_token_id", int.MinValue, int.MaxValue),
            BosTokenId = fields.OptionalInt("bos_token_id", int.MinValue, int.MaxValue),
            EosTokenIds = ReadTokenIds(fields, "eos_token_id"),
            TorchDType = fields.OptionalString("dtype") ?? fields.OptionalString("torch_dtype"),
            Architecture = architecture,
            Warnings = warnings,
            SourceJson = utf8,
        };
    }

    private static string? ReadArchitecture(JsonFields fields)
    {
        var names = fields.OptionalStrings("architectures");
        return names is { Count: > 0 } ? names[0] : null;
    }

    private static ModelFamily ReadFamily(JsonFields fields, string? architecture)
    {
        var modelType = fields.OptionalString("model_type");
        ModelFamily? family = modelType switch
        {
            "qwen2" => ModelFamily.Qwen2,
            "llama" => ModelFamily.Llama,
            "qwen3" => ModelFamily.Qwen3,
            null => null,
            _ => throw fields.Error("model_type", $"is \"{modelType}\"; supported are qwen2, llama and qwen3."),
        };
        if (architecture is null)
        {
            return family ?? throw fields.Error("model_type", "is missing, and so is architectures.");
        }

        foreach (var candidate in Enum.GetValues<ModelFamily>())
        {
            if (architecture == $"{candidate}ForCausalLM" || architecture == $"{candidate}ForSequenceClassification"
                || architecture == $"{candidate}Model")
            {
                return family is null || family == candidate
                    ? candidate
                    : throw fields.Error("architectures", $"names {architecture}, but model_type is \"{modelType}\".");
            }
        }

        throw fields.Error("architectures", $"names {architecture}; supported are Qwen2, Llama and Qwen3, each as ForCausalLM, " +
            "ForSequenceClassification or the bare Model.");
    }

    private static int ReadHeadDim(JsonFields fields, ModelFamily family, int hidden, int heads)
    {
        int headDim;
        if (fields.Find("head_dim") is not null)
        {
            headDim = fields.Int("head_dim", 2, 1 << 16);
        }
        else if (family == ModelFamily.Qwen3)
        {
            headDim = 128;
        }
        else
        {
            headDim = hidden % heads == 0
                ? hidden / heads
                : throw fields.Error("hidden_size", $"is {hidden}, not a multiple of num_attention_heads = {heads}, " +
                    "and head_dim is missing.");
        }

        return headDim % 2 == 0 ? headDim : throw fields.Error("head_dim", $"is {headDim}; rotary embedding needs an even width.");
    }

    // A reward model has one label. The count is the length of id2label, or num_labels in hand-written files. A file with neither (as some
    // trainers write it) leaves it to the head, whose tensor must have one row then as always.
    private static void CheckLabels(JsonFields fields, string? architecture)
    {
        if (architecture?.EndsWith("ForSequenceClassification", StringComparison.Ordinal) != true)
        {
            return;
        }

        var labels = fields.OptionalObject("id2label") is { } map ? map.Element.EnumerateObject().Count() : 1;
        var count = fields.Int("num_labels", 0, int.MaxValue, labels);
        if (count != 1)
        {
            throw fields.Error("num_labels", $"(or id2label) gives {count} labels; a reward model has exactly 1.");
        }
    }

    private static IReadOnlyList<int> ReadTokenIds(JsonFields fields, string name)
    {
        if (fields.Find(name) is not { ValueKind: JsonValueKind.Array } list)
        {
            return fields.OptionalInt(name, int.MinValue, int.MaxValue) is { } id ? [id] : [];
        }

        return [.. list.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var id)
            ? id
            : throw fields.Wrong(name, list, "a token id or a list of them"))];
    }
}
