using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Hub;
using Rm.Training.Artifacts;

namespace Rm.Host.Options;

/// <summary>Which trained model scores.</summary>
internal sealed class ScoringOptions : OptionGroup
{
    private readonly Option<string?> _model;
    private readonly Option<string?> _adapter;
    private readonly Option<string?> _baseDType;
    private readonly Option<int> _microTokenBudget;
    private readonly Option<bool> _noPrefixSharing;

    public ScoringOptions()
    {
        _model = AddOptional<string>(
            "--model", "Checkpoint folder or hub's model org/name[@revision]; default: the base model that the adapter names.", "DIR|ID");
        _adapter = AddOptional<string>("--adapter", "Adapter folder, such as OUT/best, or a hub's adapter.", "DIR|ID");
        _baseDType = Add(BaseDTypeOption.CreateForScoring());
        _microTokenBudget = Add("--micro-token-budget", "Most packed tokens computed at once.", 8192, "N");
        _noPrefixSharing = AddFlag("--no-prefix-sharing", "Compute what both sides of a pair begin with twice.");
    }

    /// <summary>Adapter folder, or null.</summary>
    public string? Adapter(ParseResult result) =>
        result.GetValue(_adapter) is { } name ? ModelResolver.Resolve(name, ModelParts.Adapter) : null;

    /// <summary>Most packed tokens of a micro-batch.</summary>
    public int MicroTokenBudget(ParseResult result)
    {
        Require(result.GetValue(_microTokenBudget) >= 1, _microTokenBudget, "must be at least 1");
        return result.GetValue(_microTokenBudget);
    }

    /// <summary>Whether pairs store their common prefix once.</summary>
    public bool SharePrefix(ParseResult result) => !result.GetValue(_noPrefixSharing);

    /// <summary>How the model was trained, where its folder tells; null otherwise.</summary>
    public ArtifactInfo? Artifact(ParseResult result, ModelSource source) => ArtifactInfo.TryRead(Adapter(result) ?? source.Folder);

    /// <summary>Opens the checkpoint.</summary>
    public ModelSource Open(ParseResult result)
    {
        string? adapter = Adapter(result);
        string? model = result.GetValue(_model) ?? (adapter is null ? null : LoraScope.BaseModel(adapter));
        return ModelSource.Open(model ?? throw new UserInputException(
            adapter is null ? "Give --model DIR, or --adapter DIR." : $"{adapter}: names no base model; give it with --model DIR."),
            BaseDTypeOption.ReadForScoring(result, _baseDType, adapter));
    }
}
