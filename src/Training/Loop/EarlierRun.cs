using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Json;

namespace Rm.Training.Loop;

/// <summary>
/// What run.json says about the run to resume. A resumed run must compute what the first one would have, so both must have the same
/// settings and the same pairs.
/// </summary>
/// <param name="path">run.json.</param>
public sealed class EarlierRun(string path)
{
    /// <summary>Name of the object with the settings in run.json.</summary>
    public const string SettingsName = "settings";

    /// <summary>Name of the object that identifies the training pairs in run.json.</summary>
    public const string TrainDataName = "train_data";

    /// <summary>Name of the object that identifies the evaluation pairs in run.json.</summary>
    public const string EvalDataName = "eval_data";

    /// <summary>Name of the field that identifies the base model's weights within run.json's model object.</summary>
    public const string WeightsName = "weights_fingerprint";

    /// <summary>
    /// Throws <see cref="UserInputException"/> naming what differs, or when run.json cannot be understood. Without a run.json there is no
    /// run yet.
    /// </summary>
    /// <param name="settings">Settings of the run that is to go on.</param>
    /// <param name="defaults">What a setting has when nothing is given; see <see cref="Differences"/>.</param>
    /// <param name="weights">Fingerprint of its base model's weights.</param>
    /// <param name="train">Its training pairs.</param>
    /// <param name="eval">Its evaluation pairs, or null.</param>
    public void RequireSame(
        IReadOnlyDictionary<string, string> settings, IReadOnlyDictionary<string, string> defaults, string weights,
        DatasetFingerprint train, DatasetFingerprint? eval)
    {
        if (!File.Exists(path))
        {
            return;
        }

        JsonElement root = JsonInput.ParseObject(JsonInput.ReadFile(path), path);
        RequireSameSettings(settings, Settings(root), defaults);
        RequireSameWeights(root, weights);
        RequireSamePairs("training", PairsHash(root, TrainDataName), train.PairsSha256);
        RequireSamePairs("evaluation", PairsHash(root, EvalDataName), eval?.PairsSha256);
    }

    /// <summary>Settings of run.json by name. Throws <see cref="UserInputException"/> when there are none or the file is damaged.</summary>
    public IReadOnlyDictionary<string, string> ReadSettings() => Settings(JsonInput.ParseObject(JsonInput.ReadFile(path), path));

    /// <summary>One line for every setting that has another value now than it had, in order of names.</summary>
    /// <param name="before">The earlier run's settings.</param>
    /// <param name="now">The settings given now.</param>
    /// <param name="defaults">
    /// What a setting has when nothing is given. A run always writes such a setting down; one that it lacks came with a later version, and
    /// the run computed what the default stands for.
    /// </param>
    public static IReadOnlyList<string> Differences(
        IReadOnlyDictionary<string, string> before, IReadOnlyDictionary<string, string> now, IReadOnlyDictionary<string, string> defaults)
    {
        return
        [
            .. now.Keys.Union(before.Keys)
                .Where(key => now.GetValueOrDefault(key) != Before(key))
                .Order(StringComparer.Ordinal)
                .Select(key => $"--{key}: was {Before(key) ?? "not set"}, is {now.GetValueOrDefault(key) ?? "not set"}"),
        ];

        string? Before(string key) =>
            before.GetValueOrDefault(key) ?? (now.ContainsKey(key) ? defaults.GetValueOrDefault(key) : null);
    }

    private void RequireSameSettings(
        IReadOnlyDictionary<string, string> settings, Dictionary<string, string> before, IReadOnlyDictionary<string, string> defaults)
    {
        IReadOnlyList<string> different = Differences(before, settings, defaults);
        if (different.Count > 0)
        {
            throw new UserInputException(
                $"{path}: the run to resume was made with other settings:\n  {string.Join("\n  ", different)}\n"
                + "Give the same settings, or another --output-dir with --init-adapter to start from its model.");
        }
    }

    private void RequireSameWeights(JsonElement root, string now)
    {
        // Runs of older versions have no fingerprint.
        if (Object(root, "model").TryGetProperty(WeightsName, out JsonElement before)
            && !(before.ValueKind == JsonValueKind.String && before.ValueEquals(now)))
        {
            throw new UserInputException(
                $"{path}: the weights of --model are not those of the run to resume: the checkpoint was changed or replaced. "
                + "Bring it back (a hub's model can be named with its revision, org/name@REVISION), or start anew with --overwrite.");
        }
    }

    private void RequireSamePairs(string kind, string? before, string? now)
    {
        if (before != now)
        {
            throw new UserInputException(
                $"{path}: the {kind} pairs are not those of the run to resume: the data files, the tokenizer or the chat template changed. "
                + "Bring them back, or start anew with --overwrite.");
        }
    }

    private Dictionary<string, string> Settings(JsonElement root)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty property in Object(root, SettingsName).EnumerateObject())
        {
            settings[property.Name] = property.Value.ValueKind == JsonValueKind.String
                ? property.Value.GetString()!
                : throw Damaged($"{SettingsName}.{property.Name} is not text");
        }

        return settings;
    }

    private string? PairsHash(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out _))
        {
            return null;
        }

        return Object(root, name).TryGetProperty("pairs_sha256", out JsonElement hash) && hash.ValueKind == JsonValueKind.String
            ? hash.GetString()
            : throw Damaged($"{name} has no pairs_sha256");
    }

    private JsonElement Object(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Object
            ? value
            : throw Damaged($"{name} is not an object");

    private UserInputException Damaged(string what) => new($"{path}: {what}; the file is damaged. Start anew with --overwrite.");
}
