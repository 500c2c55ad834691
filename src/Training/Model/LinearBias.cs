using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// The bias of a linear layer: the modules' own, frozen or trained, and those of LoRA's B factors. Where all of it is one trained vector,
/// that is used as it lies; else the sum is kept in a vector of its own and brought up to date after each step.
/// </summary>
internal sealed class LinearBias : IDisposable
{
    private readonly int _layer;
    private readonly int _length;
    private readonly List<Part> _parts;
    private readonly bool _isOneTrainedVector;
    private float[] _frozen = [];
    private Tensor? _gradient;

    private LinearBias(int layer, List<Part> parts, int length)
    {
        _layer = layer;
        _parts = parts;
        _length = length;
        _isOneTrainedVector = parts.All(p => p is { BaseOffset: not null, FactorOffset: null })
            && parts.Zip(parts.Skip(1)).All(pair => pair.Second.BaseOffset - pair.First.BaseOffset == pair.First.Rows);
    }

    /// <summary>Whether some of it is trained.</summary>
    public bool IsTrained => _parts.Any(p => p.BaseOffset is not null || p.FactorOffset is not null);

    /// <summary><c>[Out]</c>.</summary>
    public Tensor Value { get; private set; }

    /// <summary>Claims the trained parts; null where the layer has no bias at all.</summary>
    public static LinearBias? Claim(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, int layer, LinearSlice[] slices)
    {
        bool hasBias = slices.Any(s => config.HasBias(s.Module));
        bool hasFactorBias = scope.Lora is { HasFactorBias: true } l && slices.Any(s => l.Of(layer, s.Module) is not null);
        if (!hasBias && !hasFactorBias)
        {
            return null;
        }

        // All of them at once, so that they are one vector.
        bool trainsAll = hasBias && (scope.TrainsEverything || slices.All(s => scope.Lora?.TrainsBias(layer, s.Module) ?? false));
        long start = trainsAll
            ? layout.FindOrAddVectors(
                ParameterKind.Pretrained, [.. slices.Select(s => (WeightNames.Bias(layer, s.Module), config.Sizes(s.Module).Out))])
            : 0;
        var parts = new List<Part>();
        foreach (LinearSlice s in slices)
        {
            long? own = trainsAll ? start + s.First : null;
            start += config.Sizes(s.Module).Out;
            if (own is null && config.HasBias(s.Module) && (scope.Lora?.TrainsBias(layer, s.Module) ?? false))
            {
                own = layout.FindOrAddVectors(ParameterKind.Pretrained, [(WeightNames.Bias(layer, s.Module), config.Sizes(s.Module).Out)])
                    + s.First;
            }

            long? factor = null;
            if (scope.Lora is { HasFactorBias: true } lora && lora.Of(layer, s.Module) is not null)
            {
                factor = layout.FindOrAddVectors(
                    ParameterKind.LoraB, [(WeightNames.Path(layer, s.Module) + ".lora_B.bias", config.Sizes(s.Module).Out)]) + s.First;
            }

            float scale = scope.Lora?.Of(layer, s.Module) is { } size ? (float)scope.Lora.ScaleOf(size) : 1;
            parts.Add(new Part(s, parts.Sum(p => p.Rows), config.HasBias(s.Module), own, factor, scale));
        }

        return new LinearBias(layer, parts, parts.Sum(p => p.Rows));
    }

    public void Load(IBackend backend, ParameterBuffer parameters, IWeightSource source)
    {
        var shape = new Shape(1, _length);
        foreach (Part part in _parts)
        {
            part.Bind(parameters);
        }

        _frozen = new float[_length];
        foreach (Part part in _parts.Where(p => p.HasBase))
        {
            Span<float> values = _frozen.AsSpan(part.Column, part.Rows);
            source.Read(WeightNames.Bias(_layer, part.Slice.Module), part.Slice.First, values);
            if (part.Base is { } trained)
            {
                backend.Upload<float>(values, trained);
                values.Clear();
            }
        }

        if (_isOneTrainedVector)
        {
            Value = parameters.ValueView(_parts[0].BaseOffset!.Value, shape);
            _gradient = parameters.GradientView(_parts[0].BaseOffset!.Value, shape);
        }
        else
        {
            Value = backend.AllocatePersistent(DType.F32, shape);
            Refresh(backend);
        }
    }

    /// <summary>
    /// Where backward is to add the column sums of dY; zeros in the arena where the sum has several owners; null outside training.
    /// </summary>
    public Tensor? GradientTarget(ModelContext c)
    {
        if (!IsTrained || _isOneTrainedVector || _parts.All(p => p.BaseGradient is null && p.FactorGradient is null))
        {
            return _isOneTrainedVector ? _gradient : null;
        }

        Tensor sums = c.Float(1, _length);
        c.Backend.Fill(sums, 0);
        return sums;
    }

    /// <summary>Hands the column sums on to their owners.</summary>
    public void AddGradients(ModelContext c, Tensor? sums)
    {
        if (_isOneTrainedVector || sums is not { } total)
        {
            return;
        }

        foreach (Part part in _parts)
        {
            Tensor own = total.SliceColumns(part.Column, part.Rows);
            Add(c.Backend, own, 1, part.BaseGradient);
            Add(c.Backend, own, part.Scale, part.FactorGradient);
        }
    }

    /// <summary>Brings the sum up to date.</summary>
    public void Refresh(IBackend backend)
    {
        if (_isOneTrainedVector || (!IsTrained && _frozen.Length == 0))
        {
            return;
        }

        backend.Upload<float>(_frozen, Value);
        foreach (Part part in _parts)
        {
            Tensor target = Value.SliceColumns(part.Column, part.Rows);
            Add(backend, part.Base, 1, target);
            Add(backend, part.Factor, part.Scale, target);
        }
    }

    public void Dispose()
    {
        if (!_isOneTrainedVector)
        {
            Value.Storage?.Dispose();
        }
    }

    // target += scale * source.
    private static void Add(IBackend backend, Tensor? source, float scale, Tensor? target)
    {
        if (source is { } x && target is { } y)
        {
            backend.ScaleAdd(new ScaleAddArgs(x, scale, y, y));
        }
    }

    private sealed class Part(LinearSlice slice, int column, bool hasBase, long? baseOffset, long? factorOffset, float scale)
    {
        public LinearSlice Slice => slice;

        public int Rows => slice.Rows;

        public int Column => column;

        public bool HasBase => hasBase;

        public long? BaseOffset => baseOffset;

        public long? FactorOffset => factorOffset;

        public float Scale => scale;

        public Tensor? Base { get; private set; }

        public Tensor? BaseGradient { get; private set; }

        public Tensor? Factor { get; private set; }

        public Tensor? FactorGradient { get; private set; }

        public void Bind(ParameterBuffer parameters)
        {
            var shape = new Shape(1, Rows);
            Base = baseOffset is { } a ? parameters.ValueView(a, shape) : null;
            BaseGradient = baseOffset is { } b ? parameters.GradientView(b, shape) : null;
            Factor = factorOffset is { } c ? parameters.ValueView(c, shape) : null;
            FactorGradient = factorOffset is { } d ? parameters.GradientView(d, shape) : null;
        }
    }
}
