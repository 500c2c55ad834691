using Rm.Formats;
using Rm.Formats.Safetensors;
using Rm.Training.Model;

namespace Rm.Training.Adapters;

/// <summary>
/// What an adapter holds for a model: which modules of which layers with which rank, and whatever else, checked tensor by tensor.
/// </summary>
internal sealed class AdapterContents
{
    private const int MaxListed = 20;

    private readonly AdapterFolder _adapter;
    private readonly ModelConfig _model;
    private readonly AdapterConfig _config;

    public AdapterContents(AdapterFolder adapter, ModelConfig model)
    {
        (_adapter, _model, _config) = (adapter, model, adapter.Config);
    }

    /// <summary>
    /// The settings of a model that can take the adapter. Throws <see cref="UserInputException"/> listing what does not fit.
    /// </summary>
    public LoraSettings Settings()
    {
        var faults = new List<string>();
        Dictionary<(int Layer, LinearModule Module), LoraSize> sizes = Modules();
        var expected = Expected(sizes).ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
        foreach ((string? name, long[]? shape) in expected)
        {
            if (!_adapter.Contains(name))
            {
                faults.Add($"missing: {name} {SafetensorsTensor.ShapeToText(shape)}");
            }
            else if (_adapter.Tensor(name) is var tensor && !tensor.Shape.AsSpan().SequenceEqual(shape))
            {
                faults.Add($"wrong shape: {name} is {tensor.ShapeText}, the model and r = {RankIn(name, shape)} ask for " +
                    SafetensorsTensor.ShapeToText(shape));
            }
            else if (!tensor.DType.IsWeight())
            {
                faults.Add($"unusable type: {name} is {tensor.DType.HeaderName()}; F32, F16 and BF16 can be read");
            }
        }

        faults.AddRange(_config.TargetModules
            .Where(target => WeightNames.ParseModule(target[(target.LastIndexOf('.') + 1)..]) is { } module
                && !sizes.Keys.Any(k => k.Module == module) && Matches(module).Any())
            .Select(target => $"missing: every tensor of {target}, which target_modules lists"));
        string[] others = [.. _adapter.Names.Where(name => !expected.ContainsKey(name) && !IsIgnored(name)).Order(StringComparer.Ordinal)];
        faults.AddRange(SavedModules().Where(module => others.Any(name => name.Contains($".{module}.", StringComparison.Ordinal))).Select(
            module => $"modules_to_save names {module}, which is not supported; supported are norms, embed_tokens and the head"));
        faults.AddRange(others.Select(name => $"unexpected: {name} {_adapter.Tensor(name).ShapeText}"));
        if (_config.TrainableTokens.FirstOrDefault(token => token >= _model.VocabSize, -1) is >= 0 and var beyond)
        {
            faults.Add($"trainable_token_indices names token {beyond}, the model has {_model.VocabSize}");
        }

        if (faults.Count > 0)
        {
            string more = faults.Count > MaxListed ? $"\n  and {faults.Count - MaxListed} more" : "";
            throw new UserInputException($"{_adapter.WeightsPath}: the adapter does not fit the model:\n  " +
                string.Join("\n  ", faults.Take(MaxListed)) + more);
        }

        if (sizes.Count == 0 && !_adapter.HasScore && EmbeddingSize is null)
        {
            throw new UserInputException($"{_adapter.WeightsPath}: the adapter holds no LoRA tensors and no reward head.");
        }

        return Settings(sizes);
    }

    private LoraSettings Settings(Dictionary<(int Layer, LinearModule Module), LoraSize> sizes)
    {
        LinearModule[] modules = [.. _model.Modules.Where(m => sizes.Keys.Any(k => k.Module == m))];
        bool uniform = sizes.Count == modules.Sum(m => _model.LayersWith(m).Count())
            && sizes.Values.All(size => size == new LoraSize(_config.Rank, _config.Alpha));
        return new LoraSettings(_config.Rank, _config.Alpha, modules, _config.UseRsLora, _config.Dropout, SavedModules())
        {
            Exact = uniform ? null : sizes,
            UseDora = _config.UseDora,
            HasFactorBias = _config.HasFactorBias,
            Biases = _config.Biases,
            Embedding = EmbeddingSize,
            TrainableTokens = _config.TrainableTokens,
        };
    }

    // The head is always trained; lm_head has no place in a reward model. What is left names norms and the embedding.
    private string[] SavedModules() =>
        [.. (_config.ModulesToSave ?? []).Except([.. AdapterConfig.HeadModules, "lm_head"], StringComparer.Ordinal)];

    private LoraSize? EmbeddingSize => _adapter.Contains(AdapterNames.Saved(WeightNames.EmbeddingLoraA))
        ? _config.SizeOf(WeightNames.Embedding[..WeightNames.Embedding.LastIndexOf('.')])
        : null;

    // A module that some layer has a tensor of is expected in every layer that the targets name, or in all where they name none.
    private Dictionary<(int Layer, LinearModule Module), LoraSize> Modules()
    {
        var sizes = new Dictionary<(int, LinearModule), LoraSize>();
        foreach (LinearModule module in _model.Modules)
        {
            int[] all = [.. _model.LayersWith(module)];
            if (!all.Any(
                layer => _adapter.Contains(AdapterNames.LoraA(layer, module)) || _adapter.Contains(AdapterNames.LoraB(layer, module))))
            {
                continue;
            }

            int[] named = [.. Matches(module)];
            foreach (int layer in named.Length > 0 ? named : all)
            {
                sizes.Add((layer, module), _config.SizeOf(WeightNames.Path(layer, module)));
            }
        }

        return sizes;
    }

    private IEnumerable<int> Matches(LinearModule module) => _model.LayersWith(module)
        .Where(layer => _config.Targets?.Match(WeightNames.Path(layer, module), layer) ?? true);

    private IEnumerable<(string Name, long[] Shape)> Expected(Dictionary<(int Layer, LinearModule Module), LoraSize> sizes)
    {
        foreach (((int layer, LinearModule module), LoraSize size) in sizes)
        {
            (int rows, int columns) = _model.Sizes(module);
            yield return (AdapterNames.LoraA(layer, module), [size.Rank, columns]);
            yield return (AdapterNames.LoraB(layer, module), [rows, size.Rank]);
            if (_config.UseDora)
            {
                yield return (AdapterNames.Magnitude(layer, module), [rows]);
            }

            if (_config.HasFactorBias)
            {
                yield return (AdapterNames.FactorBias(layer, module), [rows]);
            }
        }

        LoraSettings settings = Settings(sizes);
        foreach (LinearModule module in _model.Modules.Where(_model.HasBias))
        {
            foreach (int layer in _model.LayersWith(module).Where(layer => settings.TrainsBias(layer, module)))
            {
                yield return (AdapterNames.Saved(WeightNames.Bias(layer, module)), [_model.Sizes(module).Out]);
            }
        }

        foreach ((string Name, long[] Shape) tensor in EmbeddingTensors())
        {
            yield return tensor;
        }

        if (_adapter.HasScore)
        {
            yield return (AdapterNames.Saved(WeightNames.Score), [1, _model.HiddenSize]);
        }

        foreach ((string? name, int width) in WeightNames.Norms(_model).Where(norm => _adapter.Contains(AdapterNames.Saved(norm.Name))))
        {
            yield return (AdapterNames.Saved(name), [width]);
        }
    }

    private IEnumerable<(string Name, long[] Shape)> EmbeddingTensors()
    {
        // PEFT saves the base table along when it is adapted.
        if (new TrainingScope(Settings([]), false).Trains(WeightNames.Embedding)
            || (EmbeddingSize is not null && _adapter.Contains(AdapterNames.Saved(WeightNames.Embedding))))
        {
            yield return (AdapterNames.Saved(WeightNames.Embedding), [_model.VocabSize, _model.HiddenSize]);
        }

        if (EmbeddingSize is { } size)
        {
            yield return (AdapterNames.Saved(WeightNames.EmbeddingLoraA), [size.Rank, _model.VocabSize]);
            yield return (AdapterNames.Saved(WeightNames.EmbeddingLoraB), [_model.HiddenSize, size.Rank]);
        }

        if (_config.TrainableTokens.Count > 0)
        {
            yield return (AdapterNames.Saved(WeightNames.TrainedTokens), [_config.TrainableTokens.Count, _model.HiddenSize]);
        }
    }

    // State of a way to train that is not the adapter's, and what only a language model has.
    private static bool IsIgnored(string name) =>
        name.Contains(".lora_velora_embed", StringComparison.Ordinal) || name == AdapterNames.Saved(WeightNames.LmHead);

    private static long RankIn(string name, long[] shape) => name.Contains("lora_B", StringComparison.Ordinal) ? shape[^1] : shape[0];
}
