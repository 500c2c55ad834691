using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// A linear layer of one or more modules that read the same x: weights stacked as <c>[Out, In]</c>, biases and LoRA factors beside them.
/// Created in two passes: the constructor claims places in the flat parameter buffer, <see cref="Load"/> creates and fills the weights.
/// </summary>
internal sealed class LinearLayer : IDisposable
{
    private readonly int _layer;
    private readonly ModelConfig _config;
    private readonly LinearModule[] _modules;
    private readonly bool _hasBias;
    private readonly bool _trainsWeights;
    private readonly LoraSettings? _lora;
    private readonly long _weightOffset;
    private readonly long _biasOffset;
    private readonly long _loraAOffset;
    private readonly List<(LinearModule Module, int Column, long BOffset)> _adapted = [];
    private LinearWeight? _weight;
    private bool _borrowsWeight;
    private Tensor? _bias;
    private Tensor? _gradWeight;
    private Tensor? _gradBias;
    private LoraFactors? _factors;

    /// <summary>Claims the trainable parts of a layer's <paramref name="modules"/>, which all read the same x.</summary>
    public LinearLayer(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, int layer, params LinearModule[] modules)
    {
        _layer = layer;
        _config = config;
        _modules = modules;
        _hasBias = config.HasBias(modules[0]);
        _trainsWeights = scope.TrainsEverything;
        _lora = scope.Lora;
        InFeatures = config.Sizes(modules[0]).In;
        OutFeatures = modules.Sum(Columns);
        if (_trainsWeights)
        {
            _weightOffset = layout.AddBlock(ParameterKind.Pretrained, InFeatures, modules.Select(m => (WeightNames.Weight(layer, m), Columns(m))));
            if (_hasBias)
            {
                _biasOffset = layout.AddVectors(ParameterKind.Pretrained, modules.Select(m => (WeightNames.Bias(layer, m), Columns(m))));
            }
        }

        LinearModule[] targets = [.. modules.Where(m => scope.Lora?.Targets(m) ?? false)];
        if (targets.Length > 0)
        {
            int rank = scope.Lora!.Rank;
            _loraAOffset = layout.AddBlock(
                ParameterKind.LoraA, InFeatures, targets.Select(m => (WeightNames.Path(layer, m) + ".lora_A.weight", rank)));
            int column = 0;
            foreach (LinearModule module in modules)
            {
                if (targets.Contains(module))
                {
                    long offset = layout.AddBlock(
                        ParameterKind.LoraB, rank, [(WeightNames.Path(layer, module) + ".lora_B.weight", Columns(module))]);
                    _adapted.Add((module, column, offset));
                }

                column += Columns(module);
            }
        }
    }

    public int InFeatures { get; }

    public int OutFeatures { get; }

    /// <summary>Whether anything of this layer is trained.</summary>
    public bool IsTrained => _trainsWeights || _adapted.Count > 0;

    /// <summary>Creates and fills the weights; with <paramref name="frozen"/>, the same layer of another model, its matrix is used too.</summary>
    public void Load(IBackend backend, ParameterBuffer parameters, IWeightSource source, bool needsInputGradient, LinearLayer? frozen = null)
    {
        if (frozen is not null)
        {
            _weight = frozen._weight;
            _borrowsWeight = true;
        }
        else if (_trainsWeights)
        {
            var shape = new Shape(OutFeatures, InFeatures);
            Tensor master = parameters.ValueView(_weightOffset, shape);
            ReadRows(source, (row, values) => backend.Upload(values, master.SliceRows(row, values.Length / InFeatures)));
            _weight = backend.CreateTrainableWeight(master);
            _gradWeight = parameters.GradientView(_weightOffset, shape);
            backend.Refresh(_weight);
        }
        else
        {
            _weight = backend.CreateFrozenWeight(OutFeatures, InFeatures, needsInputGradient);
            if (!source.TryFill(backend, WeightNames.Weight(_layer, _modules[0]), _weight))
            {
                ReadRows(source, _weight.Load);
            }
        }

        if (_hasBias)
        {
            var shape = new Shape(OutFeatures);
            _bias = _trainsWeights ? parameters.ValueView(_biasOffset, shape) : backend.AllocatePersistent(DType.F32, shape);
            _gradBias = _trainsWeights ? parameters.GradientView(_biasOffset, shape) : null;
            float[] values = new float[OutFeatures];
            int start = 0;
            foreach (LinearModule module in _modules)
            {
                source.Read(WeightNames.Bias(_layer, module), 0, values.AsSpan(start, Columns(module)));
                start += Columns(module);
            }

            backend.Upload<float>(values, _bias.Value);
        }

        if (_adapted.Count > 0)
        {
            _factors = CreateFactors(parameters, _lora!);
        }
    }

    /// <summary>
    /// Room for S = x A^T of this many rows, which backward needs; null without LoRA. Rows stand at multiples of 8 elements, as tensor cores
    /// want their operands.
    /// </summary>
    public Tensor? AllocateS(ModelContext c, int rows) =>
        _factors is null ? null : c.Activation(rows, (_factors.TotalRank + 7) / 8 * 8).SliceColumns(0, _factors.TotalRank);

    /// <summary>y = x W^T + bias + LoRA + residual, and S where there is LoRA, and the SwiGLU of y where it is wanted.</summary>
    public void Forward(ModelContext c, Tensor x, Tensor? residual, Tensor y, Tensor? s, int[]? tokenRows = null, Tensor? swiGlu = null) =>
        c.Backend.LinearForward(
            new LinearForwardArgs(c.Layout, x, _weight!, _bias, residual, FactorsFor(c), s, y) { TokenRows = tokenRows, SwiGlu = swiGlu });

    /// <summary>Adds this layer's gradients and assigns <paramref name="dX"/> when it is asked for.</summary>
    public void Backward(ModelContext c, Tensor dY, Tensor x, Tensor? s, Tensor? dX, int[]? tokenRows = null)
    {
        if (dX is null && !IsTrained)
        {
            return;
        }

        long mark = c.Arena.Mark;
        c.Backend.LinearBackward(
            new LinearBackwardArgs(c.Layout, dY, x, _weight!, FactorsFor(c), s, dX, AccumulateDX: false, _gradWeight, _gradBias, c.Arena)
            {
                TokenRows = tokenRows,
            });
        c.Arena.Release(mark);
    }

    /// <summary>Brings derived forms up to date after an optimizer step.</summary>
    public void Refresh(IBackend backend)
    {
        if (_trainsWeights)
        {
            backend.Refresh(_weight!);
        }
    }

    public void Dispose()
    {
        if (!_borrowsWeight)
        {
            _weight?.Dispose();
        }

        if (!_trainsWeights)
        {
            _bias?.Storage.Dispose();
        }
    }

    private LoraFactors CreateFactors(ParameterBuffer parameters, LoraSettings lora)
    {
        var shapeA = new Shape(lora.Rank * _adapted.Count, InFeatures);
        var parts = new List<LoraPart>();
        foreach ((LinearModule module, int column, long offset) in _adapted)
        {
            var shapeB = new Shape(Columns(module), lora.Rank);
            parts.Add(new LoraPart(
                column, parts.Count * lora.Rank, parameters.ValueView(offset, shapeB), parameters.GradientView(offset, shapeB), DropoutStream(module)));
        }

        return new LoraFactors(
            parameters.ValueView(_loraAOffset, shapeA), parameters.GradientView(_loraAOffset, shapeA), parts, (float)lora.Scale, Dropout: null);
    }

    private LoraFactors? FactorsFor(ModelContext c) =>
        _factors is not null && c.DropoutSeed is { } seed && _lora!.Dropout > 0
            ? _factors with { Dropout = new LoraDropout((float)_lora.Dropout, seed) }
            : _factors;

    private void ReadRows(IWeightSource source, WeightLoading.LoadRows load)
    {
        int moduleStart = 0;
        foreach (LinearModule module in _modules)
        {
            WeightLoading.Read(
                source, WeightNames.Weight(_layer, module), Columns(module), InFeatures, (row, values) => load(moduleStart + row, values));
            moduleStart += Columns(module);
        }
    }

    private int Columns(LinearModule module) => _config.Sizes(module).Out;

    private uint DropoutStream(LinearModule module) => (uint)((_layer * WeightNames.Modules.Count) + (int)module);
}
