using System.Text.Json;
using System.Text.Json.Serialization;

namespace Rm.Training.Artifacts;

/// <summary>
/// What a saved reward model must be fed with to give the rewards it was trained for; stands beside its weights as <see cref="FileName"/>.
/// </summary>
/// <param name="Version">Version of btrm that trained it.</param>
/// <param name="RewardTokenId">Token that most training texts end in, at which the reward is read.</param>
/// <param name="RewardTokenText">Its text.</param>
/// <param name="ChatTemplate">Whether conversations went through the checkpoint's chat template.</param>
/// <param name="SystemPrompt">System turn that was added, or null.</param>
/// <param name="MaxSeqLen">Longest sequence of training in tokens; 0 for no limit.</param>
/// <param name="Truncation">How longer ones were cut.</param>
public sealed record ArtifactInfo(
    string Version, int? RewardTokenId, string? RewardTokenText, bool ChatTemplate, string? SystemPrompt, int MaxSeqLen, string Truncation)
{
    /// <summary>Type that the base's frozen matrices were quantised to (<c>--base-dtype</c>); null: as the checkpoint has them.</summary>
    [JsonPropertyName("base_dtype")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? BaseDType { get; init; }

    /// <summary>Name of the file.</summary>
    public const string FileName = ModelFolder.ArtifactFileName;

    /// <summary>The file's content.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ArtifactInfoJson.Default.ArtifactInfo);

    /// <summary>Reads the file of a model folder; null when there is none or it is of another version.</summary>
    public static ArtifactInfo? TryRead(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), ArtifactInfoJson.Default.ArtifactInfo) : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ArtifactInfo))]
internal sealed partial class ArtifactInfoJson : JsonSerializerContext;
