using Rm.Formats;
using Rm.Formats.Safetensors;
using Rm.Training.LowBit;

namespace Rm.Training.Model;

/// <summary>
/// A checkpoint's weights, checked against its configuration: every parameter there, of the right shape and of a type that can be read,
/// and nothing that the computation would leave out. Names are those of <see cref="WeightNames"/> however the file spells them.
/// </summary>
public sealed class CheckpointWeights : IDisposable
{
    private const string Prefix = "model.";

    // What stands before a decoder's own names: nothing in a save of the bare model, a longer path inside a multimodal one.
    private static readonly string[] Prefixes = [Prefix, "", "model.language_model.", "language_model.model.", "language_model."];

    private const int MaxListed = 20;

    private readonly SafetensorsCheckpoint _checkpoint;
    // A head of transformers; the value heads of TRL's and LLaMA-Factory's models, and of OpenRLHF's.
    private static readonly string[] ScoreNames = [WeightNames.Score, "v_head.summary.weight", "value_head.weight"];

    private readonly string _prefix;
    private readonly string? _score;
    private readonly List<string> _warnings = [];
    private readonly Dictionary<string, LowBitTensor> _lowBit = new(StringComparer.Ordinal);

    // Matrices that are part of a larger tensor in the file, by their own names.
    private readonly Dictionary<string, (string Tensor, long Start, long[] Shape)> _parts = new(StringComparer.Ordinal);

    private CheckpointWeights(SafetensorsCheckpoint checkpoint, string prefix)
    {
        _checkpoint = checkpoint;
        _prefix = prefix;
        _score = ScoreNames.FirstOrDefault(checkpoint.Contains);
        string bias = _score is null ? "" : _score[.._score.LastIndexOf('.')] + ".bias";
        if (_score != WeightNames.Score && _score is not null && checkpoint.Contains(bias))
        {
            float[] value = new float[checkpoint.Tensor(bias).ElementCount];
            checkpoint.ReadFloat32(bias, value);
            if (value is [not 0 and var constant])
            {
                _warnings.Add($"{bias} = {constant} is left out: every reward is lower by it, and no comparison of two rewards changes.");
            }
        }
    }

    /// <summary>False for a causal-LM or bare checkpoint: the reward head must be initialised.</summary>
    public bool HasScore => _score is not null;

    /// <summary>What was found that has no effect here, one sentence each; to be shown to the user.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>
    /// Opens and checks a checkpoint folder's weights. Throws <see cref="UserInputException"/> that lists missing and wrongly shaped
    /// tensors, and those that add to a module of the model, by name. Others are left out and named in <see cref="Warnings"/>.
    /// </summary>
    public static CheckpointWeights Open(string folder, ModelConfig config)
    {
        var checkpoint = SafetensorsCheckpoint.Open(folder);
        try
        {
            string embedding = WeightNames.Embedding[Prefix.Length..];
            var weights = new CheckpointWeights(checkpoint, Prefixes.FirstOrDefault(p => checkpoint.Contains(p + embedding), Prefix));
            weights.Check(config);
            return weights;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>A parameter's type and shape; the name inside may lack the "model." prefix.</summary>
    public SafetensorsTensor Tensor(string name) => _lowBit.TryGetValue(NameInFile(name), out LowBitTensor? packed)
        ? new SafetensorsTensor(NameInFile(name), SafetensorsDType.F32, packed.Shape, 0, 0)
        : _parts.TryGetValue(name, out (string Tensor, long Start, long[] Shape) part)
            ? _checkpoint.Tensor(part.Tensor) with { Shape = part.Shape }
            : _checkpoint.Tensor(NameInFile(name));

    /// <summary>Whether weights are stored in fewer bits than their values have.</summary>
    public bool IsLowBit => _lowBit.Count > 0;

    /// <summary>The matrix under this name where it is stored in few bits, or null.</summary>
    public ILowBitMatrix? LowBit(string name) => _lowBit.GetValueOrDefault(NameInFile(name));

    /// <inheritdoc cref="SafetensorsFile.ReadFloat32"/>
    public void ReadFloat32(string name, Span<float> destination, long start = 0)
    {
        if (_lowBit.TryGetValue(NameInFile(name), out LowBitTensor? packed))
        {
            packed.Read(destination, start);
            return;
        }

        (string tensor, long first) = PlaceOf(name);
        _checkpoint.ReadFloat32(tensor, destination, first + start);
    }

    /// <inheritdoc cref="SafetensorsFile.ReadBFloat16"/>
    public void ReadBFloat16(string name, Span<ushort> destination, long start = 0)
    {
        (string tensor, long first) = PlaceOf(name);
        _checkpoint.ReadBFloat16(tensor, destination, first + start);
    }

    /// <inheritdoc/>
    public void Dispose() => _checkpoint.Dispose();

    private string NameInFile(string name) => name == WeightNames.Score && _score is not null ? _score
        : name.StartsWith(Prefix, StringComparison.Ordinal) ? _prefix + name[Prefix.Length..] : name;

    private (string Tensor, long First) PlaceOf(string name) =>
        _parts.TryGetValue(name, out (string Tensor, long Start, long[] Shape) part) ? (part.Tensor, part.Start) : (NameInFile(name), 0);

    // transformers 5 holds a layer's experts in two tensors, and writes them one by one unless it is told not to.
    private void FindFusedExperts(ModelConfig config, HashSet<string> known, List<string> faults)
    {
        foreach (int layer in Enumerable.Range(0, config.Layers).Where(config.IsMixtureLayer))
        {
            Find(WeightNames.FusedExpertGateUp(layer), layer, LinearModule.ExpertGate, LinearModule.ExpertUp);
            Find(WeightNames.FusedExpertDown(layer), layer, LinearModule.ExpertDown);
        }

        void Find(string fused, int layer, params LinearModule[] modules)
        {
            string inFile = NameInFile(fused);
            if (!_checkpoint.Contains(inFile))
            {
                return;
            }

            (int rows, int columns) = config.Sizes(modules[0]);
            int experts = config.Experts!.Count;
            long[] shape = [experts, modules.Length * rows, columns];
            known.Add(inFile);
            if (!_checkpoint.Tensor(inFile).Shape.AsSpan().SequenceEqual(shape))
            {
                faults.Add($"wrong shape: {inFile} is {_checkpoint.Tensor(inFile).ShapeText}, config.json asks for "
                    + SafetensorsTensor.ShapeToText(shape));
            }

            for (int i = 0; i < experts * modules.Length; i++)
            {
                _parts[WeightNames.Weight(layer, modules[i % modules.Length], i / modules.Length)] =
                    (inFile, (long)i * rows * columns, [rows, columns]);
            }
        }
    }

    private void Check(ModelConfig config)
    {
        var faults = new List<string>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        FindFusedExperts(config, known, faults);
        IEnumerable<(string Name, long[] Shape)> expected = WeightNames.Decoder(config);
        if (HasScore)
        {
            expected = expected.Append((WeightNames.Score, [1, config.HiddenSize]));
        }

        foreach ((string? name, long[]? shape) in expected)
        {
            string inFile = NameInFile(name);
            known.Add(inFile);
            bool isPart = _parts.ContainsKey(name);
            if (isPart && _checkpoint.Contains(inFile))
            {
                faults.Add($"there twice: {inFile}, and in {_parts[name].Tensor}");
            }

            if (!isPart && !_checkpoint.Contains(inFile))
            {
                faults.Add($"missing: {inFile} {SafetensorsTensor.ShapeToText(shape)}");
                continue;
            }

            if (!isPart && LowBitTensor.Find(_checkpoint, inFile, config.Fp8BlockSize) is { } packed)
            {
                _lowBit.Add(inFile, packed);
                known.UnionWith(packed.Names);
            }

            SafetensorsTensor tensor = Tensor(name);
            if (!tensor.Shape.AsSpan().SequenceEqual(shape))
            {
                faults.Add($"wrong shape: {inFile} is {tensor.ShapeText}, config.json asks for {SafetensorsTensor.ShapeToText(shape)}");
            }
            else if (!tensor.DType.IsWeight())
            {
                faults.Add($"unusable type: {inFile} is {tensor.DType.HeaderName()}; F32, F16 and BF16 can be read");
            }
        }

        NoteOthers(config);

        // A further tensor of a module that is computed would change what it computes; modules that this architecture does not have are
        // left out, as transformers does: heads of other tasks, layers that predict further tokens.
        var modules = known.Select(Module).ToHashSet(StringComparer.Ordinal);
        ILookup<bool, string> others =
            _checkpoint.Names.Where(name => !known.Contains(name) && !IsIgnored(name, config)).Order(StringComparer.Ordinal)
            .ToLookup(name => modules.Contains(Module(name)), name => $"{name} {_checkpoint.Tensor(name).ShapeText}");
        faults.AddRange(others[true].Select(name => $"unexpected: {name}"));
        if (others[false].ToArray() is { Length: > 0 } unused)
        {
            string rest = unused.Length > MaxListed ? $" and {unused.Length - MaxListed} more" : "";
            _warnings.Add($"Tensors that are no part of this architecture ({config.Family}) are not used: "
                + $"{string.Join(", ", unused.Take(MaxListed))}{rest}.");
        }

        if (faults.Count > 0)
        {
            string more = faults.Count > MaxListed ? $"\n  and {faults.Count - MaxListed} more" : "";
            throw new UserInputException($"{_checkpoint.Folder}: the weights do not fit config.json ({config.Family}):\n  " +
                string.Join("\n  ", faults.Take(MaxListed)) + more);
        }
    }

    // A multimodal checkpoint's towers.
    private void NoteOthers(ModelConfig config)
    {
        string[] others = [.. _checkpoint.Names.Where(name => IsBeside(name, config) && name != WeightNames.LmHead)];
        if (others.Length > 0)
        {
            IEnumerable<string> parts =
                others.Select(name => string.Join('.', name.Split('.').Take(name.StartsWith(Prefix, StringComparison.Ordinal) ? 2 : 1)));
            _warnings.Add(
                $"{others.Length} tensors beside the language model ({string.Join(", ", parts.Distinct().Order(StringComparer.Ordinal))}) "
                + "are left alone: they have no part in a reward of text.");
        }
    }

    private bool IsBeside(string name, ModelConfig config) =>
        config.IsInsideWrapper && !name.StartsWith(_prefix, StringComparison.Ordinal) && name != _score;

    private static string Module(string name) => name[..Math.Max(name.LastIndexOf('.'), 0)];

    // Not part of a reward model: the language-model head, the rotary table that old versions saved, and what a multimodal checkpoint holds
    // beside its language model.
    private bool IsIgnored(string name, ModelConfig config) =>
        name == WeightNames.LmHead || name is "v_head.summary.bias" or "value_head.bias" || name == "language_model.lm_head.weight"
            || name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
        || IsBeside(name, config);
}
