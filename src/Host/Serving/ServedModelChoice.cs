using Rm.Formats.Rendering;
using Rm.Training.Artifacts;
using Rm.Training.LowBit;

namespace Rm.Host.Serving;

/// <summary>What to load.</summary>
/// <param name="Model">Checkpoint, or null for the base that the first adapter names.</param>
/// <param name="Adapters">Adapters, each <c>DIR</c>, an id, or <c>NAME=DIR</c>.</param>
/// <param name="ServedName">Name of the only model, or null.</param>
/// <param name="MaxLength">Longest sequence; null for the model's own.</param>
/// <param name="TextOptions">How rows are rendered, for a vocabulary and what the model's folder says of its training.</param>
internal sealed record ServedModelChoice(
    string? Model, IReadOnlyList<string> Adapters, string? ServedName, int? MaxLength, Func<int, ArtifactInfo?, TextOptions> TextOptions)
{
    /// <summary>Type that the base's frozen matrices are quantised to, or null.</summary>
    public BaseDType? BaseDType { get; init; }
}
