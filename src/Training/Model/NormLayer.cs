using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// An RMSNorm weight, frozen or trained, and the two ways it is applied: to whole rows and to heads. Where a family's norms multiply by 1 +
/// w, operations are given that sum.
/// </summary>
internal sealed class NormLayer : IDisposable
{
    private readonly string _name;
    private readonly int _size;
    private readonly float _epsilon;
    private readonly bool _addsOne;
    private readonly long _offset;
    private Tensor _weight;
    private Tensor? _gradient;
    private Tensor? _master;

    public NormLayer(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, string name, int size, bool? addsOne = null)
    {
        bool isTrained = scope.Trains(name);
        float epsilon = config.RmsNormEps;
        _addsOne = addsOne ?? config.Family.NormsAddOne;
        _name = name;
        _size = size;
        _epsilon = epsilon;
        IsTrained = isTrained;
        if (isTrained)
        {
            _offset = layout.AddVectors(ParameterKind.Pretrained, [(name, size)]);
        }
    }

    public bool IsTrained { get; }

    public void Load(IBackend backend, ParameterBuffer parameters, IWeightSource source)
    {
        var shape = new Shape(_size);
        _master = IsTrained ? parameters.ValueView(_offset, shape) : null;
        _weight = IsTrained && !_addsOne ? _master!.Value : backend.AllocatePersistent(DType.F32, shape);
        _gradient = IsTrained ? parameters.GradientView(_offset, shape) : null;
        float[] values = new float[_size];
        source.Read(_name, 0, values);
        if (_master is { } trained)
        {
            backend.Upload<float>(values, trained);
            Refresh(backend);
            return;
        }

        backend.Upload<float>(_addsOne ? [.. values.Select(w => 1 + w)] : values, _weight);
    }

    /// <summary>Brings 1 + w up to date after an optimizer step.</summary>
    public void Refresh(IBackend backend)
    {
        if (_addsOne && _master is { } trained)
        {
            backend.Fill(_weight, 1);
            backend.ScaleAdd(new ScaleAddArgs(trained, 1, _weight, _weight));
        }
    }

    /// <summary>y = norm(x) and rstd <c>[rows]</c>.</summary>
    public void Forward(ModelContext c, Tensor x, Tensor y, Tensor rstd) =>
        c.Backend.RmsNormForward(new RmsNormForwardArgs(x, _weight, _epsilon, y, rstd));

    public void Backward(ModelContext c, Tensor dY, Tensor x, Tensor rstd, Tensor? dResidual, Tensor dX) =>
        c.Backend.RmsNormBackward(new RmsNormBackwardArgs(dY, x, _weight, rstd, dResidual, dX, _gradient));

    /// <summary>y = norm of every head of x and rstd <c>[T, heads]</c>.</summary>
    public void ForwardHeads(ModelContext c, Tensor x, Tensor y, Tensor rstd) =>
        c.Backend.HeadNormForward(new HeadNormForwardArgs(x, _weight, _epsilon, y, rstd));

    public void BackwardHeads(ModelContext c, Tensor dY, Tensor x, Tensor rstd, Tensor dX) =>
        c.Backend.HeadNormBackward(new HeadNormBackwardArgs(dY, x, _weight, rstd, dX, _gradient));

    public void Dispose()
    {
        if ((!IsTrained || _addsOne) && _weight.Storage is { } storage)
        {
            storage.Dispose();
        }
    }
}
