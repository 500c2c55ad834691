using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.LowBit;

namespace Rm.Training.Model;

/// <summary>
/// A linear layer of one or more modules that read the same x: weights stacked as <c>[Out, In]</c>, biases, LoRA factors and DoRA
/// magnitudes beside them. Created in two passes: the constructor claims places in the flat parameter buffer, <see cref="Load"/> creates
/// and fills the weights.
/// </summary>
internal sealed class LinearLayer : IDisposable
{
    private readonly int _layer;
    private readonly ModelConfig _config;
    private readonly LinearSlice[] _slices;
    private readonly bool _trainsWeights;
    private readonly LoraSettings? _lora;
    private readonly long _weightOffset;
    private readonly long _loraAOffset;
    private readonly List<AdaptedSlice> _adapted = [];
    private readonly LinearBias? _bias;
    private readonly DoraMagnitude? _dora;
    private LinearWeight? _weight;
    private bool _borrowsWeight;
    private Tensor? _gradWeight;
    private LoraFactors? _factors;

    /// <summary>Claims the trainable parts of a layer's modules, which all read the same x.</summary>
    public LinearLayer(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, int layer, params LinearSlice[] slices)
    {
        _layer = layer;
        _config = config;
        _slices = slices;
        _trainsWeights = scope.TrainsEverything;
        _lora = scope.Lora;
        InFeatures = config.Sizes(slices[0].Module).In;
        OutFeatures = slices.Sum(s => s.Rows);
        if (_trainsWeights)
        {
            _weightOffset = layout.FindOrAddBlock(
                ParameterKind.Pretrained, InFeatures, [.. slices.Select(s => (s.WeightName(layer), Rows(s.Module)))])
                + ((long)slices[0].First * InFeatures);
        }

        (LinearSlice Slice, LoraSize Size, int Column)[] targets = [.. Targets()];
        if (targets.Length > 0)
        {
            _loraAOffset = layout.FindOrAddBlock(
                ParameterKind.LoraA, InFeatures,
                [.. targets.Select(t => (WeightNames.Path(layer, t.Slice.Module) + ".lora_A.weight", t.Size.Rank))]);
        }

        foreach ((LinearSlice slice, LoraSize size, int column) in targets)
        {
            long offset = layout.FindOrAddBlock(
                ParameterKind.LoraB, size.Rank, [(WeightNames.Path(layer, slice.Module) + ".lora_B.weight", Rows(slice.Module))]);
            _adapted.Add(new AdaptedSlice(slice, size, column, offset + ((long)slice.First * size.Rank)));
        }

        _bias = LinearBias.Claim(layout, config, scope, layer, slices);
        _dora = (_lora?.UseDora ?? false) && _adapted.Count > 0
            ? new DoraMagnitude(layout, config, layer, OutFeatures, InFeatures, _adapted)
            : null;
    }

    public int InFeatures { get; }

    public int OutFeatures { get; }

    /// <summary>Whether anything of this layer is trained.</summary>
    public bool IsTrained => _trainsWeights || _adapted.Count > 0 || (_bias?.IsTrained ?? false);

    /// <summary>
    /// Creates and fills the weights; with <paramref name="frozen"/>, the same layer of another model, its matrix is used too.
    /// </summary>
    public void Load(
        IBackend backend, ParameterBuffer parameters, IWeightSource source, bool needsInputGradient, LinearLayer? frozen = null)
    {
        if (frozen is not null)
        {
            _weight = frozen._weight;
            _borrowsWeight = true;
            if (_dora is not null)
            {
                ReadRows(source, _dora.AddWeightRows);
            }
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
        else if (CreateLowBitWeight(backend, source) is { } lowBit)
        {
            _weight = lowBit;
            if (_dora is not null)
            {
                ReadRows(source, _dora.AddWeightRows);
            }
        }
        else
        {
            _weight = backend.CreateFrozenWeight(OutFeatures, InFeatures, needsInputGradient);
            if (_dora is not null || !source.TryFill(backend, _slices[0].WeightName(_layer), _weight))
            {
                ReadRows(source, (row, values) =>
                {
                    _weight.Load(row, values);
                    _dora?.AddWeightRows(row, values);
                });
            }
        }

        _bias?.Load(backend, parameters, source);
        if (_adapted.Count > 0)
        {
            _factors = CreateFactors(parameters);
            _dora?.Load(backend, parameters, _weight!, _factors);
        }
    }

    /// <summary>
    /// Room for what backward needs of this many rows. Rows of S stand at multiples of 8 elements, as tensor cores want their operands.
    /// </summary>
    public LinearActivations Allocate(ModelContext c, int rows) => new(
        _factors is null ? null : c.Activation(rows, (_factors.TotalRank + 7) / 8 * 8).SliceColumns(0, _factors.TotalRank),
        _dora is null ? null : c.Activation(rows, OutFeatures));

    /// <summary>y = x W^T + bias + LoRA + residual, and S where there is LoRA, and the SwiGLU of y where it is wanted.</summary>
    public void Forward(
        ModelContext c, Tensor x, Tensor? residual, Tensor y, LinearActivations kept, int[]? tokenRows = null, Tensor? swiGlu = null)
    {
        if (_dora is null)
        {
            c.Backend.LinearForward(
                new LinearForwardArgs(
                    c.Layout, x, _weight!, _bias?.Value, residual, FactorsFor(c), kept.S, y)
                { TokenRows = tokenRows, SwiGlu = swiGlu });
            return;
        }

        Tensor unscaled = kept.Unscaled!.Value;
        c.Backend.LinearForward(
            new LinearForwardArgs(c.Layout, x, _weight!, null, null, FactorsFor(c), kept.S, unscaled) { TokenRows = tokenRows });
        c.Backend.ScaleAdd(new ScaleAddArgs(unscaled, 1, residual, y) { ColumnScale = _dora.Factors, Bias = _bias?.Value });
        if (swiGlu is { } product)
        {
            c.Backend.SwiGluForward(new SwiGluForwardArgs(y, product));
        }
    }

    /// <summary>Adds this layer's gradients and assigns <paramref name="dX"/> when it is asked for.</summary>
    public void Backward(ModelContext c, Tensor dY, Tensor x, LinearActivations kept, Tensor? dX, int[]? tokenRows = null)
    {
        if (dX is null && !IsTrained)
        {
            return;
        }

        long mark = c.Arena.Mark;
        Tensor? dBias = _bias?.GradientTarget(c);
        if (_dora is not null)
        {
            dY = _dora.Backward(c, dY, kept.Unscaled!.Value, dBias);
        }

        c.Backend.LinearBackward(
            new LinearBackwardArgs(
                c.Layout, dY, x, _weight!, FactorsFor(c), kept.S, dX, AccumulateDX: false, _gradWeight, _dora is null
                    ? dBias
                    : null, c.Arena)
            {
                TokenRows = tokenRows,
            });
        _bias?.AddGradients(c, dBias);
        c.Arena.Release(mark);
    }

    /// <summary>Brings derived forms up to date after an optimizer step.</summary>
    public void Refresh(IBackend backend)
    {
        if (_trainsWeights)
        {
            backend.Refresh(_weight!);
        }

        _bias?.Refresh(backend);
        _dora?.Refresh(backend);
    }

    public void Dispose()
    {
        if (!_borrowsWeight)
        {
            _weight?.Dispose();
        }

        _bias?.Dispose();
        _dora?.Dispose();
    }

    // Null where the source has values only, the modules differ in form, or the device keeps no such form.
    private LowBitWeight? CreateLowBitWeight(IBackend backend, IWeightSource source)
    {
        if (LowBitOf(source, _slices[0]) is not { Layout: { } layout } first)
        {
            return null;
        }

        LowBitTables tables = first.Tables;
        LowBitWeight? weight = _slices.All(s => LowBitOf(source, s) is { } other && other.Layout == layout && other.Tables.Same(tables))
            ? backend.CreateLowBitWeight(OutFeatures, InFeatures, layout, tables)
            : null;
        int start = 0;
        foreach (LinearSlice slice in weight is null || !source.HasValues ? [] : _slices)
        {
            ILowBitMatrix matrix = LowBitOf(source, slice)!;
            WeightLoading.InPieces(
                slice.Rows, InFeatures, (row, count) => weight!.LoadRows(start + row, matrix.ReadRows(slice.First + row, count)));
            start += slice.Rows;
        }

        return weight;
    }

    private ILowBitMatrix? LowBitOf(IWeightSource source, LinearSlice slice) => source.LowBit(slice.WeightName(_layer));

    private IEnumerable<(LinearSlice Slice, LoraSize Size, int Column)> Targets()
    {
        int column = 0;
        foreach (LinearSlice slice in _slices)
        {
            if (_lora?.Of(_layer, slice.Module) is { } size)
            {
                yield return (slice, size, column);
            }

            column += slice.Rows;
        }
    }

    private LoraFactors CreateFactors(ParameterBuffer parameters)
    {
        var shapeA = new Shape(_adapted.Sum(a => a.Size.Rank), InFeatures);
        var parts = new List<LoraPart>();
        int rankRow = 0;
        foreach (AdaptedSlice a in _adapted)
        {
            var shapeB = new Shape(a.Slice.Rows, a.Size.Rank);
            parts.Add(new LoraPart(
                a.Column, rankRow, parameters.ValueView(a.BOffset, shapeB), parameters.GradientView(a.BOffset, shapeB),
                DropoutStream(a.Slice.Module))
            {
                Scale = (float)_lora!.ScaleOf(a.Size),
            });
            rankRow += a.Size.Rank;
        }

        return new LoraFactors(
            parameters.ValueView(_loraAOffset, shapeA), parameters.GradientView(_loraAOffset, shapeA), parts, Scale: 1, Dropout: null);
    }

    private LoraFactors? FactorsFor(ModelContext c) =>
        _factors is not null && c.DropoutSeed is { } seed && _lora!.Dropout > 0
            ? _factors with { Dropout = new LoraDropout((float)_lora.Dropout, seed) }
            : _factors;

    private void ReadRows(IWeightSource source, WeightLoading.LoadRows load)
    {
        int start = 0;
        foreach (LinearSlice slice in _slices)
        {
            WeightLoading.Read(
                source, slice.WeightName(_layer), slice.Rows, InFeatures, (row, values) =>
                    load(start + row, values), slice.First);
            start += slice.Rows;
        }
    }

    private int Rows(LinearModule module) => _config.Sizes(module).Out;

    // Modules that no layer had when streams were numbered have a range of their own.
    private uint DropoutStream(LinearModule module) => module < LinearModule.DeltaQkv
        ? (uint)((_layer * WeightNames.Modules.Count) + (int)module)
        : 0x40000000u + (uint)((_layer * WeightNames.DeltaModules.Count) + (int)(module - LinearModule.DeltaQkv));
}

/// <summary>A slice with LoRA factors.</summary>
/// <param name="Slice">The slice.</param>
/// <param name="Size">Rank and alpha of its module.</param>
/// <param name="Column">First column of y.</param>
/// <param name="BOffset">Place of its rows of B.</param>
internal readonly record struct AdaptedSlice(LinearSlice Slice, LoraSize Size, int Column, long BOffset);
