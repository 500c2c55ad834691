using System.Text.Json;
using Rm.Formats.Hub;
using Rm.Formats.Json;
using Rm.Training.Model;

namespace Rm.Training.Adapters;

/// <summary>
/// adapter_config.json -> <see cref="AdapterConfig"/>. Every LoRA variant that would compute something else is an error by name.
/// </summary>
internal static class AdapterConfigReader
{
    private const int MaxRank = 1 << 16;

    // Anything but null, false, "" or an empty collection in these changes the computation or the base weights.
    private static readonly string[] Unsupported =
    [
        "use_qalora", "use_bdlora", "layer_replication", "target_parameters", "alora_invocation_tokens", "megatron_config", "loftq_config",
        "arrow_config", "corda_config", "kasa_config", "lora_ga_config", "monteclora_config",
    ];

    // Of no effect on a trained adapter: where it came from, how it was initialised, how its gradient was approximated.
    private static readonly string[] Ignored =
    [
        "auto_mapping", "revision", "inference_mode", "peft_version", "megatron_core", "qalora_group_size", "layers_pattern",
        "ensure_weight_tying", "runtime_config", "eva_config", "velora_config",
    ];

    private static readonly string[] Interpreted =
    [
        "r", "lora_alpha", "target_modules", "use_rslora", "lora_dropout", "modules_to_save", "base_model_name_or_path", "task_type",
        "peft_type", "bias", "rank_pattern", "alpha_pattern", "init_lora_weights", "use_dora", "lora_bias", "fan_in_fan_out",
        "trainable_token_indices", "layers_to_transform", "exclude_modules",
    ];

    private static readonly HashSet<string> Known = new([.. Unsupported, .. Ignored, .. Interpreted], StringComparer.Ordinal);

    public static AdapterConfig Read(ReadOnlyMemory<byte> utf8, string fileName)
    {
        var fields = new JsonFields(JsonInput.ParseObject(utf8, fileName), fileName);
        var warnings = new List<string>();
        CheckVariant(fields, warnings);
        int rank = fields.Int("r", 1, MaxRank);
        double alpha = fields.Double("lora_alpha", 0, 1e9);
        string? taskType = fields.OptionalString("task_type");
        if (taskType != AdapterConfig.SequenceClassification)
        {
            warnings.Add($"the adapter's task_type is {taskType ?? "not given"}, not SEQ_CLS: it may have no reward head.");
        }

        return new AdapterConfig(
            rank,
            alpha,
            ReadTargets(fields),
            fields.Bool("use_rslora", false),
            fields.Double("lora_dropout", 0, 1, 0),
            fields.OptionalStrings("modules_to_save"),
            BaseModel(fields),
            taskType)
        {
            UseDora = fields.Bool("use_dora", false),
            Biases = ReadBiases(fields),
            HasFactorBias = fields.Bool("lora_bias", false),
            RankPattern = ReadPattern(
                fields, "rank_pattern", value => value is >= 1 and <= MaxRank && value == Math.Floor(value), value => (int)value),
            AlphaPattern = ReadPattern(fields, "alpha_pattern", value => value is >= 0 and < 1e9, value => value),
            TrainableTokens = ReadTokens(fields),
            Targets = AdapterTargets.Read(fields),
            Warnings = warnings,
        };
    }

    private static string? BaseModel(JsonFields fields)
    {
        string? model = fields.OptionalString("base_model_name_or_path");
        return fields.OptionalString("revision") is { Length: > 0 } revision
            && HubRepo.Parse(HubRepoKind.Model, $"{model}@{revision}") is { } repo
            ? repo.ToString()
            : string.IsNullOrEmpty(model) ? null : model;
    }

    // A text is "all-linear" or a pattern over module names. It is not evaluated: the stored tensors say what was matched.
    private static IReadOnlyList<string> ReadTargets(JsonFields fields)
    {
        if (fields.Find("target_modules") is { ValueKind: JsonValueKind.String })
        {
            return [];
        }

        return fields.OptionalStrings("target_modules") ?? throw fields.Error("target_modules", "is missing.");
    }

    private static void CheckVariant(JsonFields fields, List<string> warnings)
    {
        string? type = fields.OptionalString("peft_type");
        if (type != "LORA")
        {
            throw fields.Error("peft_type", $"is {(type is null ? "missing" : $"\"{type}\"")}; only LORA adapters are supported.");
        }

        if (fields.Bool("fan_in_fan_out", false))
        {
            warnings.Add("adapter_config.json: fan_in_fan_out is true, which is for other layers than this model has; it is taken as "
                + "false, as PEFT does.");
        }

        if (fields.IsSet("velora_config"))
        {
            warnings.Add("adapter_config.json: velora_config changes only how PEFT trains; training goes on here with exact gradients.");
        }

        if (Array.Find(Unsupported, fields.IsSet) is { } name)
        {
            throw fields.Wrong(name, fields.Element.GetProperty(name), "it to be off: this LoRA variant is not supported");
        }

        CheckInitialisation(fields);
        IEnumerable<string> names = fields.Element.EnumerateObject().Select(property => property.Name);
        foreach (string? other in names.Where(key => !Known.Contains(key) && fields.IsSet(key)))
        {
            if (other.StartsWith("use_", StringComparison.Ordinal))
            {
                throw fields.Error(other, "switches on a LoRA variant that is not supported.");
            }

            warnings.Add($"adapter_config.json: {other} is not known and has no effect.");
        }
    }

    // These initialisations subtract the first A and B from the base weights; their adapters do not fit the published base.
    private static void CheckInitialisation(JsonFields fields)
    {
        if (fields.Find("init_lora_weights") is not { ValueKind: JsonValueKind.String } value)
        {
            return;
        }

        string name = value.GetString()!;
        if (name is not ("gaussian" or "eva" or "orthogonal"))
        {
            throw fields.Error("init_lora_weights", $"is \"{name}\", which changes the base weights; " +
                "convert the adapter to plain LoRA when saving it (PEFT: path_initial_model_for_weight_conversion).");
        }
    }

    private static TrainedBiases ReadBiases(JsonFields fields) => (fields.OptionalString("bias") ?? "none") switch
    {
        "none" => TrainedBiases.None,
        "lora_only" => TrainedBiases.OfAdaptedModules,
        "all" => TrainedBiases.All,
        var other => throw fields.Error("bias", $"is \"{other}\"; expected none, lora_only or all."),
    };

    private static IReadOnlyList<KeyValuePair<string, T>> ReadPattern<T>(
        JsonFields fields, string name, Func<double, bool> fits, Func<double, T> convert)
    {
        var entries = new List<KeyValuePair<string, T>>();
        foreach (JsonProperty entry in fields.OptionalObject(name)?.Element.EnumerateObject() ?? default)
        {
            entries.Add(entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetDouble(out double value) && fits(value)
                ? new(entry.Name, convert(value))
                : throw fields.Error(name, $"gives {entry.Name} the value {JsonInput.Describe(entry.Value)}, which is no "
                    + $"{name[..name.IndexOf('_', StringComparison.Ordinal)]}."));
        }

        return entries;
    }

    // A list means the embedding; a map has a list for each module.
    private static IReadOnlyList<int> ReadTokens(JsonFields fields)
    {
        const string Name = "trainable_token_indices";
        if (!fields.IsSet(Name))
        {
            return [];
        }

        JsonElement value = fields.Find(Name)!.Value;
        JsonElement list = value;
        if (value.ValueKind == JsonValueKind.Object)
        {
            JsonProperty[] modules = [.. value.EnumerateObject()];
            if (modules is not [{ Name: "embed_tokens" } only])
            {
                throw fields.Wrong(Name, value, "tokens of embed_tokens alone");
            }

            list = only.Value;
        }

        int[] tokens = list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray()
                .Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int n) && n >= 0 ? n : -1)]
            : [-1];
        return tokens.Contains(-1) || tokens.Distinct().Count() != tokens.Length
            ? throw fields.Wrong(Name, value, "a list of different token ids")
            : tokens;
    }
}
