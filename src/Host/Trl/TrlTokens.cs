using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Tokenization;
using Rm.Training.Artifacts;

namespace Rm.Host.Trl;

/// <summary>How the rows of a run become token ids, and what is kept of it beside the model.</summary>
internal sealed class TrlTokens
{
    private readonly TextOptions _text;

    /// <summary>Opens the checkpoint's tokenizer. Throws <see cref="UserInputException"/> where a token that was named is none.</summary>
    public TrlTokens(TrlSettings settings, ModelSource source)
    {
        _text = new TextOptions(
            UseChatTemplate: true, SystemPrompt: null, settings.MaxLength, TruncationMode.Drop, source.Config.VocabSize);
        Tokenizer? tokenizer = source.Tokenizer;
        string? eos = settings.EosToken ?? tokenizer?.EosToken;
        Require(tokenizer, "--eos_token", settings.EosToken);
        Require(tokenizer, "--pad_token", settings.PadToken);
        string? pad = settings.PadToken ?? tokenizer?.PadToken ?? eos;
        PadId = pad is null ? null : tokenizer?.TokenId(pad);
        Pairs = new TrlPairTokenizer(source.PairTokenizer(_text), tokenizer, eos, PadId);
    }

    /// <summary>Turns rows into pairs.</summary>
    public IPairTokenizer Pairs { get; }

    /// <summary>Id of the padding token, or null without a tokenizer.</summary>
    public int? PadId { get; }

    /// <summary>What the saved model tells of its training.</summary>
    public ArtifactInfo Artifact(DataReport report)
    {
        RewardToken? token = report.Train.RewardTokens.FirstOrDefault();
        return new ArtifactInfo(
            BtrmVersion.Text, token?.Id, token?.Text, _text.UseChatTemplate, null, _text.MaxSeqLen, _text.Truncation.ToString());
    }

    private static void Require(Tokenizer? tokenizer, string option, string? token)
    {
        if (token is not null && tokenizer?.TokenId(token) is null)
        {
            throw new UserInputException($"{option} '{token}': is not a token of the checkpoint's tokenizer.");
        }
    }
}
