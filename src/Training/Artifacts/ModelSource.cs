using Rm.Formats;
using Rm.Formats.ChatTemplates;
using Rm.Formats.Hub;
using Rm.Formats.Rendering;
using Rm.Formats.Safetensors;
using Rm.Formats.Tokenization;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.LowBit;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Training.Artifacts;

/// <summary>A checkpoint folder as a command opens it: configuration at once, tokenizer and weights when they are needed.</summary>
internal sealed class ModelSource
{
    private readonly Lazy<Tokenizer?> _tokenizer;

    private ModelSource(string name, string folder, BaseDType? baseDType)
    {
        Name = name;
        Folder = folder;
        BaseDType = baseDType;
        if (!File.Exists(Path.Combine(folder, ModelConfig.FileName)) && File.Exists(Path.Combine(folder, AdapterFiles.Config)))
        {
            throw new UserInputException(
                $"{name}: holds an adapter, not a model. Give it with --adapter, and its "
                    + $"base{(LoraScope.BaseModel(folder) is { } b ? $", {b}," : "")} with --model.");
        }

        Config = ModelConfig.Load(folder);
        foreach (string warning in Config.Warnings)
        {
            Console.Error.WriteLine($"{name}: {warning}");
        }

        _tokenizer = new Lazy<Tokenizer?>(() =>
            File.Exists(Path.Combine(folder, "tokenizer.json")) ? Tokenizer.Load(folder) : null);
    }

    /// <summary>What the user called it.</summary>
    public string Name { get; }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>config.json.</summary>
    public ModelConfig Config { get; }

    /// <summary>Type that frozen matrices are quantised to when they are loaded; null: as they are stored.</summary>
    public BaseDType? BaseDType { get; }

    /// <summary>The tokenizer, or null when the folder has none and rows must hold token ids.</summary>
    public Tokenizer? Tokenizer => _tokenizer.Value;

    /// <summary>Opens a checkpoint folder, or a hub's repository through its cache.</summary>
    /// <param name="name">Folder, or the hub's name.</param>
    /// <param name="baseDType">Type that frozen matrices are quantised to when they are loaded; null: as they are stored.</param>
    public static ModelSource Open(string name, BaseDType? baseDType = null) => new(name, ModelResolver.Resolve(name), baseDType);

    /// <summary>Turns rows into token ids with this checkpoint's tokenizer and chat template.</summary>
    public PairTokenizer PairTokenizer(TextOptions options) => new(Tokenizer, Template(), options);

    /// <summary>The chat template, or null when the checkpoint has none.</summary>
    public IChatTemplate? Template() => Tokenizer is { } tokenizer ? TemplateOf(tokenizer) : null;

    /// <summary>The chat template beside a tokenizer, or null when there is none.</summary>
    public static IChatTemplate? TemplateOf(Tokenizer tokenizer) => ChatTemplateSet.Of(tokenizer);

    /// <summary>Loads the weights into a model.</summary>
    public RewardModel Load(
        IBackend backend, TrainingScope scope, bool training, Recompute recompute = Recompute.Selective, RewardModel? frozen = null)
    {
        using var weights = CheckpointWeights.Open(Folder, Config);
        foreach (string warning in weights.Warnings)
        {
            Console.Error.WriteLine($"{Name}: {warning}");
        }

        IWeightSource source = new CheckpointWeightSource(weights);
        if (BaseDType is { } type)
        {
            RequireQuantizable(weights, scope);
            source = new QuantizedWeightSource(source, type, Config);
        }

        return new RewardModel(backend, Config, source, scope, training, recompute, frozen);
    }

    /// <summary>Type of the checkpoint's linear weights.</summary>
    public DType WeightType()
    {
        if (BaseDType is { } type)
        {
            return type == LowBit.BaseDType.BF16 ? DType.BF16 : DType.F32;
        }

        using var weights = CheckpointWeights.Open(Folder, Config);
        return weights.Tensor(WeightNames.Weight(0, Config.ModulesOf(0)[0])).DType == SafetensorsDType.BF16 ? DType.BF16 : DType.F32;
    }

    /// <summary>The forms of the weights, for a plan of what they will take.</summary>
    public IWeightSource Rehearsed()
    {
        if (BaseDType is { } type)
        {
            return DryRunWeights.Of(Config, type);
        }

        using var weights = CheckpointWeights.Open(Folder, Config);
        return DryRunWeights.Of(weights, Config);
    }

    /// <summary>
    /// Loads the weights and an adapter for scoring. Throws <see cref="UserInputException"/> when there is no head: scores of a random one
    /// mean nothing. <paramref name="frozen"/>: a model of this checkpoint whose frozen weights are used too.
    /// </summary>
    public RewardModel LoadForScoring(IBackend backend, string? adapter, RewardModel? frozen = null)
    {
        if (adapter is null)
        {
            RewardModel plain = Load(backend, TrainingScope.HeadOnly, training: false, frozen: frozen);
            return plain.HasPretrainedHead ? plain : throw NoHead(plain, Name);
        }

        RewardModel model = Load(backend, LoraScope.Of(adapter, Config, out bool hasHead), training: false, frozen: frozen);
        ModelFolder.Load(adapter, model);
        return hasHead || model.HasPretrainedHead ? model : throw NoHead(model, adapter);
    }

    private void RequireQuantizable(CheckpointWeights weights, TrainingScope scope)
    {
        if (scope.TrainsEverything)
        {
            throw new UserInputException(
                "--base-dtype is about frozen matrices, and all are trained. Give --lora as well, or leave it away.");
        }

        if (weights.IsLowBit)
        {
            throw new UserInputException($"{Name}: its weights are stored in few bits already. Leave --base-dtype away, or give the "
                + $"checkpoint that they were made of.");
        }
    }

    private static UserInputException NoHead(RewardModel model, string where)
    {
        model.Dispose();
        return new UserInputException(
            $"{where}: holds no reward head (score.weight). Train one first, give the adapter with --adapter, or name a "
                + $"SequenceClassification checkpoint.");
    }
}
