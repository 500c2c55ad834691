using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// A pretrained float32 tensor that an operation reads as it is, frozen or trained: a convolution's filters, a vector of constants.
/// </summary>
internal sealed class PlainParameter : IDisposable
{
    private readonly string _name;
    private readonly Shape _shape;
    private readonly long _offset;

    /// <summary>Claims a vector, or with <paramref name="rows"/> the filters <c>[rows, 1, columns]</c> of a convolution.</summary>
    public PlainParameter(ParameterLayoutBuilder layout, TrainingScope scope, string name, int columns, int? rows = null)
    {
        _name = name;
        _shape = new Shape(rows ?? 1, columns);
        IsTrained = scope.TrainsEverything;
        if (IsTrained)
        {
            _offset = rows is { } filters
                ? layout.AddBlock(ParameterKind.Pretrained, columns, [(name, filters)], depthwise: true)
                : layout.AddVectors(ParameterKind.Pretrained, [(name, columns)]);
        }
    }

    public bool IsTrained { get; }

    public Tensor Value { get; private set; }

    /// <summary>Null where it is frozen.</summary>
    public Tensor? Gradient { get; private set; }

    public void Load(IBackend backend, ParameterBuffer parameters, IWeightSource source)
    {
        Value = IsTrained ? parameters.ValueView(_offset, _shape) : backend.AllocatePersistent(DType.F32, _shape);
        Gradient = IsTrained ? parameters.GradientView(_offset, _shape) : null;
        float[] values = new float[_shape.Count];
        source.Read(_name, 0, values);
        backend.Upload<float>(values, Value);
    }

    public void Dispose()
    {
        if (!IsTrained && Value.Storage is { } storage)
        {
            storage.Dispose();
        }
    }
}
