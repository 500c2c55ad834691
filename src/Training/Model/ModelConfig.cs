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
    public bool QkvBias => Family == ModelFamily.Qwen2;

    /// <summary>Each head's query and key pass an RMSNorm.</summary>
    public bool QkNorm => Family == ModelFamily.Qwen3;

    /// <summary>True when the checkpoint is a SequenceClassification one, with a reward head.</summary>
    public bool IsSequenceClassification => Architecture?.EndsWith("ForSequenceClassification", StringComparison.Ordinal) ?? false;

    /// <summary>The file's bytes, so that <see cref="ToJson"/> keeps what it does not know; empty for a named shape.</summary>
    internal ReadOnlyMemory<byte> SourceJson { get; init; }

    /// <summary>
    /// Reads config.json of a checkpoint folder. Throws <see cref="UserInputException"/> that names the file and the field.
    /// </summary>
    public static ModelConfig Load(string folder)
    {
        var path = Path.Combine(folder, FileName);
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
