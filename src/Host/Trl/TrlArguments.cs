using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Host.Options;

namespace Rm.Host.Trl;

/// <summary>
/// The values that a command line and the YAML file that it names give to options, the command line before the file, read as TRL's parser
/// reads them: <c>--name value</c>, <c>--name=value</c>, dashes for underscores, <c>--flag</c> and <c>--no_flag</c>, lists as several
/// words.
/// </summary>
internal sealed class TrlArguments
{
    private const string ConfigName = "config";
    private static readonly string[] LaunchOptions =
        ["num_processes", "num_machines", "machine_rank", "accelerate_config", "mixed_precision", "main_process_port"];

    // Names of earlier versions, which old configurations still have.
    private static readonly Dictionary<string, string> Renamed = new(StringComparer.Ordinal)
    {
        ["warmup_ratio"] = "warmup_steps, a share of the run where it is below 1",
        ["evaluation_strategy"] = "eval_strategy",
        ["torch_dtype"] = "dtype",
        ["max_seq_length"] = "max_length",
        ["group_by_length"] = "train_sampling_strategy",
        ["no_cuda"] = "use_cpu",
        ["per_gpu_train_batch_size"] = "per_device_train_batch_size",
        ["per_gpu_eval_batch_size"] = "per_device_eval_batch_size",
    };

    private readonly Dictionary<string, (JsonNode? Value, string Where)> _given = new(StringComparer.Ordinal);

    private TrlArguments()
    {
    }

    /// <summary>What the user should know: names that nobody knows, which TRL passes over in silence.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>The options that were given a value.</summary>
    public IEnumerable<TrlOption> Given => TrlOptionTable.All.Where(option => _given.ContainsKey(option.Name));

    /// <summary>Reads words. Throws <see cref="UserInputException"/>.</summary>
    public static TrlArguments Parse(IReadOnlyList<string> words)
    {
        var arguments = new TrlArguments();
        string? config = null;
        for (int i = 0; i < words.Count;)
        {
            string word = words[i++];
            if (!word.StartsWith("--", StringComparison.Ordinal))
            {
                throw new UserInputException($"trl reward: unexpected argument '{word}'. Options begin with --.");
            }

            int equals = word.IndexOf('=', StringComparison.Ordinal);
            string name = (equals < 0 ? word[2..] : word[2..equals]).Replace('-', '_');
            var values = new List<string>();
            if (equals >= 0)
            {
                values.Add(word[(equals + 1)..]);
            }
            else
            {
                while (i < words.Count && !words[i].StartsWith("--", StringComparison.Ordinal))
                {
                    values.Add(words[i++]);
                }
            }

            if (name == ConfigName)
            {
                config = values is [var path] ? path : throw new UserInputException("--config takes one file.");
                continue;
            }

            arguments.Add(word, name, values);
        }

        if (config is not null)
        {
            arguments.AddFile(config);
        }

        return arguments;
    }

    /// <summary>The value of an option, its default where it was not given, and how the user named it.</summary>
    public (JsonNode? Value, string Where) Get(TrlOption option)
    {
        if (!_given.TryGetValue(option.Name, out (JsonNode? Value, string Where) given))
        {
            return (JsonNode.Parse(option.Default), $"--{option.Name}");
        }

        // The command line has no other word for nothing.
        bool isNone = option.Default == "null" && given.Value is JsonValue value && value.GetValueKind() == JsonValueKind.String
            && value.GetValue<string>() == "None";
        return isNone ? (null, given.Where) : given;
    }

    /// <summary>Whether an option was given a value.</summary>
    public bool Has(string name) => _given.ContainsKey(name);

    private void Add(string word, string name, List<string> values)
    {
        name = Whole(word, name);
        bool negated = false;
        if (TrlOptionTable.Find(name) is not { } option)
        {
            negated = name.StartsWith("no_", StringComparison.Ordinal) && TrlOptionTable.Find(name[3..]) is { Kind: TrlOptionKind.Flag };
            if (!negated)
            {
                Unknown($"--{name}", name);
                return;
            }

            option = TrlOptionTable.Find(name[3..])!;
        }

        string where = $"--{option.Name}";
        _given[option.Name] = (option.Kind switch
        {
            TrlOptionKind.Flag when negated && values.Count == 0 => JsonValue.Create(false),
            TrlOptionKind.Flag when values.Count == 0 => JsonValue.Create(true),
            TrlOptionKind.TextList when values.Count > 0 => new JsonArray([.. values.Select(v => (JsonNode)JsonValue.Create(v)!)]),
            TrlOptionKind.List => throw new UserInputException($"{where}: a mixture is given in a file, --config FILE.yaml."),
            _ when values.Count == 1 => Word(option, where, values[0]),
            _ => throw new UserInputException($"{word}: takes one value, not {values.Count}."),
        }, where);
    }

    // argparse takes the beginning of a name where it is that of one option only.
    private static string Whole(string word, string name)
    {
        string[] longer = name.Length > 0 && TrlOptionTable.Find(name) is null
            ? [.. TrlOptionTable.All.Select(o => o.Name).Where(o => o.StartsWith(name, StringComparison.Ordinal))]
            : [];
        return longer switch
        {
            [var one] => one,
            [] => name,
            _ => throw new UserInputException($"{word}: could be {string.Join(", ", longer)}. Write the name out."),
        };
    }

    private static JsonNode? Word(TrlOption option, string where, string value)
    {
        if (option.Kind != TrlOptionKind.Mapping || !value.StartsWith('{'))
        {
            return JsonValue.Create(value);
        }

        try
        {
            return JsonNode.Parse(value);
        }
        catch (JsonException e)
        {
            throw new UserInputException($"{where}: is not valid JSON: {e.Message}", e);
        }
    }

    private void AddFile(string path)
    {
        if (YamlDocument.Read(path) is not JsonObject members)
        {
            throw new UserInputException($"{path}: must hold names with values, such as \"learning_rate: 1.0e-4\".");
        }

        foreach ((string key, JsonNode? value) in members)
        {
            if (key == "env")
            {
                Notes.Add($"{path}: env is ignored: set variables in the shell.");
            }
            else if (TrlOptionTable.Find(key) is not { } option)
            {
                Unknown($"{path}: {key}", key);
            }
            else if (!_given.ContainsKey(option.Name))
            {
                _given[option.Name] = (value, $"{path}: {option.Name}");
            }
        }
    }

    private void Unknown(string where, string name) => Notes.Add(LaunchOptions.Contains(name)
        ? $"{where} is ignored: there is one process, and nothing to launch."
        : Renamed.TryGetValue(name, out string? now)
            ? $"{where} is not an option of TRL's any more and is ignored, as TRL does: give {now}."
        : $"{where} is not an option of TRL's and is ignored, as TRL "
            + $"does{NameSuggestion.DidYouMean(name, TrlOptionTable.All.Select(option => option.Name))}.");
}
