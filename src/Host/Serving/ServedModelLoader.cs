using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Hub;
using Rm.Formats.Json;
using Rm.Formats.Rendering;
using Rm.Host.Serving.Models;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Evaluation;
using Rm.Training.Model;

namespace Rm.Host.Serving;

/// <summary>Loads a base once, and adapters over it.</summary>
internal static class ServedModelLoader
{
    /// <summary>The models. Throws <see cref="UserInputException"/>.</summary>
    public static ServedModels Load(ServedModelChoice choice, IBackend backend)
    {
        (string? Name, string Folder, string Source)[] adapters = [.. choice.Adapters.Select(Resolve)];
        string? named = choice.Model ?? (adapters.Length > 0 ? LoraScope.BaseModel(adapters[0].Folder) : null);
        var source = ModelSource.Open(named ?? throw new UserInputException(
            adapters.Length == 0
                ? "Give --model DIR, or --adapter DIR."
                : $"{adapters[0].Source}: names no base model; give it with --model DIR."), choice.BaseDType);
        if (choice.ServedName is not null && adapters.Length > 1)
        {
            throw new UserInputException("--served-model-name names one model; name several adapters with --adapter NAME=DIR.");
        }

        if (adapters.Length == 0)
        {
            RewardModel model = source.LoadForScoring(backend, adapter: null);
            return new ServedModels(
                [Served(choice, source, model, choice.ServedName ?? ShortName(source.Name), source.Folder, source.Name)]);
        }

        string[] names = [.. adapters.Select(
            adapter => adapter.Name ?? (adapters.Length == 1 ? choice.ServedName : null) ?? ShortName(adapter.Source))];
        if (names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new UserInputException($"Two adapters are called {twice.Key}; name them with --adapter NAME=DIR.");
        }

        var models = new List<ServedModel>();
        try
        {
            for (int i = 0; i < adapters.Length; i++)
            {
                // The first brings the base's weights, the others use them too.
                RewardModel model = source.LoadForScoring(backend, adapters[i].Folder, models.Count == 0 ? null : models[0].Model);
                models.Add(Served(choice, source, model, names[i], adapters[i].Folder, adapters[i].Source, ShortName(source.Name)));
            }
        }
        catch
        {
            models.ForEach(model => model.Dispose());
            throw;
        }

        return new ServedModels(models);
    }

    private static ServedModel Served(
        ServedModelChoice choice, ModelSource source, RewardModel model, string name, string folder, string shown, string? parent = null)
    {
        (bool isRegression, string label) = ReadHead(source.Config);
        TextOptions text = choice.TextOptions(source.Config.VocabSize, ArtifactInfo.TryRead(folder));
        int longest = choice.MaxLength ?? source.Config.MaxPositionEmbeddings;
        text = text with { MaxSeqLen = text.MaxSeqLen == 0 ? longest : Math.Min(text.MaxSeqLen, longest) };
        return new ServedModel
        {
            Name = name,
            Model = model,
            Tokenizer = source.Tokenizer,
            Template = source.Template(),
            Rows = new RowTokenizer(source.PairTokenizer(text), sharePrefix: false),
            MaxLength = longest,
            Source = shown,
            Parent = parent,
            IsRegression = isRegression,
            Label = label,
        };
    }

    private static (bool IsRegression, string Label) ReadHead(ModelConfig config)
    {
        if (config.SourceJson.IsEmpty)
        {
            return (false, "LABEL_0");
        }

        JsonElement root = JsonInput.ParseObject(config.SourceJson, ModelConfig.FileName);
        bool regression = root.TryGetProperty("problem_type", out JsonElement type) && type.ValueKind == JsonValueKind.String
            && type.ValueEquals("regression");
        string? label = root.TryGetProperty("id2label", out JsonElement labels) && labels.ValueKind == JsonValueKind.Object
            && labels.TryGetProperty("0", out JsonElement first) && first.ValueKind == JsonValueKind.String ? first.GetString() : null;
        return (regression, label ?? "LABEL_0");
    }

    // NAME=DIR, unless a folder of that very name is there.
    private static (string? Name, string Folder, string Source) Resolve(string adapter)
    {
        int at = adapter.IndexOf('=', StringComparison.Ordinal);
        bool isNamed = at > 0 && !Directory.Exists(adapter) && !adapter.AsSpan(0, at).ContainsAny("/\\");
        string source = isNamed ? adapter[(at + 1)..] : adapter;
        return (isNamed ? adapter[..at] : null, ModelResolver.Resolve(source, ModelParts.Adapter), source);
    }

    private static string ShortName(string source)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(source));
        return name.Length == 0 || name is "." or ".." ? "rm" : name;
    }
}
