using System.Text.Json;
using Rm.Formats.Json;
using Rm.Formats.Safetensors;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Hub;

/// <summary>
/// Which files of a repository make up a model. Nothing else is fetched: repositories hold the same weights in several formats.
/// </summary>
internal static class ModelFiles
{
    private static readonly string[] Texts =
        ["config.json", "tokenizer.json", "tokenizer_config.json", ChatTemplateFiles.FileName, "special_tokens_map.json",
            "added_tokens.json"];

    private static readonly string[] Adapter = [AdapterFiles.Config, AdapterFiles.Weights];

    /// <summary>Files that are wanted if they are there.</summary>
    public static IReadOnlyList<string> Wanted(ModelParts parts) => parts switch
    {
        ModelParts.All => [.. Texts, SafetensorsCheckpoint.SingleFileName, SafetensorsCheckpoint.IndexFileName],
        ModelParts.Tokenizer => Texts,
        _ => Adapter,
    };

    /// <summary>
    /// The files to fetch first. Throws <see cref="UserInputException"/> when the repository holds no such thing, or holds it in a form
    /// that cannot be read.
    /// </summary>
    public static IReadOnlyList<string> Choose(HubRepo repo, HubListing listing, ModelParts parts)
    {
        bool Has(string file) => listing.Find(file) is not null;
        if (parts == ModelParts.Adapter)
        {
            return Adapter.All(Has) ? Adapter : throw new UserInputException(
                $"{repo}: is no LoRA adapter in safetensors format: {Adapter.First(file => !Has(file))} is not there. It has "
                    + $"{Listed(listing)}.");
        }

        if (!Has(ModelConfig))
        {
            throw new UserInputException(
                Has(AdapterFiles.Config)
                    ? $"{repo}: is an adapter, not a model. Give it with --adapter or --init-adapter, and its base model with --model."
                    : $"{repo}: is no transformers model: config.json is not there. It has {Listed(listing)}.");
        }

        List<string> files =
            [.. Texts.Where(Has), .. listing.Files.Select(file => file.Path).Where(ChatTemplateFiles.IsTemplate).Except(Texts)];
        if (parts == ModelParts.All)
        {
            // A single file wins over shards, as it does when the folder is read.
            string[] weights = [SafetensorsCheckpoint.SingleFileName, SafetensorsCheckpoint.IndexFileName];
            files.Add(weights.FirstOrDefault(Has) ?? throw new UserInputException(
                $"{repo}: has no weights in safetensors format. It has {Listed(listing)}. Convert it, or name a repository that has "
                    + $"model.safetensors."));
        }

        return files;
    }

    /// <summary>
    /// The shards that a fetched index lists, or none. Throws <see cref="UserInputException"/> naming a shard that the repository lacks.
    /// </summary>
    public static IReadOnlyList<string> Shards(HubRepo repo, HubListing listing, string indexPath)
    {
        byte[] bytes = JsonInput.ReadFile(indexPath, maxBytes: 256 << 20);
        JsonElement root = JsonInput.ParseObject(bytes, indexPath);
        if (!root.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new UserInputException($"{indexPath}: has no weight_map.");
        }

        string[] shards =
            [.. map.EnumerateObject().Select(entry => entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "")
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        foreach (string shard in shards)
        {
            if (listing.Find(HubNames.CheckFile(shard, indexPath)) is null)
            {
                throw new UserInputException(
                    $"{repo}: {SafetensorsCheckpoint.IndexFileName} lists {HubNames.Visible(shard)}, which is not there.");
            }
        }

        return shards;
    }

    private const string ModelConfig = "config.json";

    private static string Listed(HubListing listing) => Names.List([.. listing.Files.Select(file => file.Path)]);
}
