using Rm.Formats;
using Rm.Formats.Json;

namespace Rm.Training.Model;

/// <summary>The shape and constants of a decoder, from config.json (<see cref="Load"/>) or by name (<see cref="ModelShapes"/>).</summary>
/// <param name="Family">Architecture family.</param>
/// <param name="VocabSize">Rows of the embedding.</param>
/// <param name="HiddenSize">Width C of the residual stream.</param>
/// <param name="Layers">Number of decoder layers.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads; divides <paramref name="Heads"/>.</param>
/// <param name="HeadDim">Width of a head, even.</param>
/// <param name="IntermediateSize">Width of the MLP.</param>
/// <param name="RmsNormEps">Added to the mean square in RMSNorm.</param>
/// <param name="RopeTheta">Base of the rotary frequencies.</param>
/// <param name="RopeScaling">Rotary scaling.</param>
/// <param name="TieWordEmbeddings">The language-model head is the embedding; of no effect on rewards.</param>
/// <param name="InitializerRange">Standard deviation of a new reward head.</param>
/// <param name="MaxPositionEmbeddings">Longest sequence the model was made for, in tokens.</param>
public sealed record ModelConfig(
    ModelFamily Family,
    int VocabSize,
    int HiddenSize,
    int Layers,
    int Heads,
    int KvHeads,
    int HeadDim,
    int IntermediateSize,
    float RmsNormEps,
    double RopeTheta,
    RopeScaling RopeScaling,
    bool TieWordEmbeddings,
    double InitializerRange,
    int MaxPositionEmbeddings)
{
    /// <summary>Name of the file in a checkpoint folder.</summary>
    public const string FileName = "config.json";

    /// <summary>pad_token_id, or null.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>bos_token_id, or null.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>eos_token_id: none, one or several.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Type that the weights are meant for ("bfloat16"), from dtype or torch_dtype; null when the file names none.</summary>
    public string? TorchDType { get; init; }

    /// <summary>architectures[0], "Qwen2ForCausalLM" say; null when the file names none.</summary>
    public string? Architecture { get; init; }

    /// <summary>What the file asks for that has no effect here, one sentence each; to be shown to the user.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The query, key and value projections have biases.</summary>
    public bool QkvBias { get; init; } = Family.AlwaysQkvBias;

    /// <summary>Attention's output projection has a bias.</summary>
    public bool OutputBias { get; init; }

    /// <summary>The MLP's projections have biases.</summary>
    public bool MlpBias { get; init; }

    /// <summary>Queries and keys pass an RMSNorm.</summary>
    public bool QkNorm => Family.QueryKeyNorm != QueryKeyNorm.None;

    /// <summary>Factor on scores.</summary>
    public float AttentionScale { get; init; } = (float)(1 / Math.Sqrt(HeadDim));

    /// <summary>c of scores' c tanh(score / c), or 0.</summary>
    public float AttentionSoftcap { get; init; }

    /// <summary>Keys that a token of a windowed layer sees, itself the last.</summary>
    public int SlidingWindow { get; init; }

    /// <summary>Whether each layer has the window; empty for none.</summary>
    public IReadOnlyList<bool> WindowedLayers { get; init; } = [];

    /// <summary>Whether each layer leaves queries and keys unrotated; empty for none.</summary>
    public IReadOnlyList<bool> UnrotatedLayers { get; init; } = [];

    /// <summary>Sizes of gated delta nets; null where every layer attends.</summary>
    public DeltaNetSizes? DeltaNet { get; init; }

    /// <summary>Whether each layer has a gated delta net in attention's place; empty for none.</summary>
    public IReadOnlyList<bool> DeltaLayers { get; init; } = [];

    /// <summary>Sizes of mixtures of experts; null where every layer has an MLP.</summary>
    public ExpertSizes? Experts { get; init; }

    /// <summary>Whether each layer has a mixture of experts in the MLP's place; empty for none.</summary>
    public IReadOnlyList<bool> MixtureLayers { get; init; } = [];

    /// <summary>Rotation of windowed layers, where it is not that of the others.</summary>
    public RopeSettings? SlidingRope { get; init; }

    /// <summary>Factor on embeddings.</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>Factor on what attention and MLP add to the residual stream.</summary>
    public float ResidualScale { get; init; } = 1;

    /// <summary>Rotation of layers without a window of their own rotation.</summary>
    public RopeSettings Rope => new(RopeTheta, RopeScaling);

    /// <summary>Whether a shared prefix's keys depend on the length of what follows it.</summary>
    public bool RopeDependsOnLength => RopeScaling.DependsOnLength || (SlidingRope?.Scaling.DependsOnLength ?? false);

    /// <summary>A layer's window, or 0.</summary>
    public int WindowOf(int layer) => WindowedLayers.Count > layer && WindowedLayers[layer] ? SlidingWindow : 0;

    /// <summary>Whether a layer has a gated delta net in attention's place.</summary>
    public bool IsDeltaLayer(int layer) => DeltaLayers.Count > layer && DeltaLayers[layer];

    /// <summary>Whether a layer has a mixture of experts in the MLP's place.</summary>
    public bool IsMixtureLayer(int layer) => MixtureLayers.Count > layer && MixtureLayers[layer];

    /// <summary>A layer's linear maps without those of a mixture, in the order of the computation.</summary>
    public IReadOnlyList<LinearModule> ModulesOf(int layer) => IsDeltaLayer(layer) ? WeightNames.DeltaModules
        : IsMixtureLayer(layer) ? WeightNames.AttentionModules : Family.Modules;

    /// <summary>
    /// The linear maps that can be adapted. In a model with experts the MLP's names mean the experts, to PEFT too, also where some layers
    /// have a plain MLP.
    /// </summary>
    public IReadOnlyList<LinearModule> Modules =>
        DeltaLayers.Contains(true) ? [.. Family.Modules.Union(WeightNames.DeltaModules)]
        : Experts is not null ? WeightNames.AttentionModules : Family.Modules;

    /// <summary>The layers that have a linear map.</summary>
    public IEnumerable<int> LayersWith(LinearModule module) =>
        Enumerable.Range(0, Layers).Where(layer => ModulesOf(layer).Contains(module));

    /// <summary>A layer's rotation, or null where it rotates nothing.</summary>
    public RopeSettings? RopeOf(int layer) => UnrotatedLayers.Count > layer && UnrotatedLayers[layer]
        ? null
        : WindowOf(layer) > 0 && SlidingRope is { } sliding ? sliding : Rope;

    /// <summary>True when the checkpoint is a SequenceClassification one, with a reward head.</summary>
    public bool IsSequenceClassification => Architecture?.EndsWith("ForSequenceClassification", StringComparison.Ordinal) ?? false;

    /// <summary>Rows and columns of a block with one scale, where weights are fp8 by blocks.</summary>
    public int Fp8BlockSize { get; init; } = 128;

    /// <summary>The settings are the text_config of a multimodal checkpoint, whose other tensors are left alone.</summary>
    public bool IsInsideWrapper { get; init; }

    /// <summary>The file's bytes, so that <see cref="ToJson"/> keeps what it does not know; empty for a named shape.</summary>
    internal ReadOnlyMemory<byte> SourceJson { get; init; }

    /// <summary>
    /// Reads config.json of a checkpoint folder. Throws <see cref="UserInputException"/> that names the file and the field.
    /// </summary>
    public static ModelConfig Load(string folder)
    {
        string path = Path.Combine(folder, FileName);
        return Parse(JsonInput.ReadFile(path), path);
    }

    /// <summary>Parses a config.json; <paramref name="fileName"/> is for messages. Throws <see cref="UserInputException"/>.</summary>
    public static ModelConfig Parse(ReadOnlyMemory<byte> utf8, string fileName) => ModelConfigReader.Read(utf8, fileName);

    /// <summary>
    /// The config.json of a SequenceClassification folder with one label: the source file's fields in their order, with the architecture,
    /// labels and, where given, the weights' type ("bfloat16") and padding token replaced.
    /// </summary>
    public byte[] ToJson(string? torchDType = null, int? padTokenId = null) => ModelConfigWriter.Write(this, torchDType, padTokenId);
}
