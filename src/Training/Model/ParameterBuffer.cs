using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// All trainable parameters in one flat float32 buffer, with the gradient and AdamW's two moments beside it. The order is fixed by the
/// model, backbone before head, so that optimizer groups, checkpoints and a future all-reduce are plain ranges.
/// </summary>
public sealed class ParameterBuffer : IDisposable
{
    // The buffer is a matrix of this many columns, so that more than 2^31 parameters can be addressed.
    private const int RowLength = 1024;

    private readonly IBackend _backend;
    private readonly Tensor _parameters;
    private readonly Tensor? _gradients;
    private readonly Tensor? _firstMoment;
    private readonly Tensor? _secondMoment;

    internal ParameterBuffer(IBackend backend, IReadOnlyList<Parameter> parameters, long length, long headStart, bool training)
    {
        _backend = backend;
        All = parameters;
        Length = length;
        HeadStart = headStart;
        var shape = new Shape(checked((int)Math.Max(1, (length + RowLength - 1) / RowLength)), RowLength);
        _parameters = backend.AllocatePersistent(DType.F32, shape);
        if (training)
        {
            _gradients = backend.AllocatePersistent(DType.F32, shape);
            _firstMoment = backend.AllocatePersistent(DType.F32, shape);
            _secondMoment = backend.AllocatePersistent(DType.F32, shape);
        }
    }

    /// <summary>The parameters in buffer order.</summary>
    public IReadOnlyList<Parameter> All { get; }

    /// <summary>Elements of the buffer in use, alignment gaps included; gaps stay zero.</summary>
    public long Length { get; }

    /// <summary>First element of the head, the last block of the buffer.</summary>
    public long HeadStart { get; }

    /// <summary>Number of trainable parameters.</summary>
    public long Count => All.Sum(p => p.Count);

    /// <summary>Whether gradients and moments exist.</summary>
    public bool IsTraining => _gradients is not null;

    /// <summary>Parameter values, the whole buffer.</summary>
    public Tensor Values => _parameters;

    /// <summary>Gradients, the whole buffer.</summary>
    public Tensor Gradients => Require(_gradients);

    /// <summary>First moments, the whole buffer.</summary>
    public Tensor FirstMoment => Require(_firstMoment);

    /// <summary>Second moments, the whole buffer.</summary>
    public Tensor SecondMoment => Require(_secondMoment);

    /// <summary>A view of values beginning at <paramref name="offset"/>.</summary>
    public Tensor ValueView(long offset, Shape shape) => View(_parameters, offset, shape);

    /// <summary>A view of gradients beginning at <paramref name="offset"/>, or null outside training.</summary>
    public Tensor? GradientView(long offset, Shape shape) => _gradients is { } g ? View(g, offset, shape) : null;

    /// <summary>Sets every gradient to zero.</summary>
    public void ZeroGradients() => _backend.Fill(Gradients, 0);

    /// <summary>Reads one parameter's range of <paramref name="buffer"/>.</summary>
    public float[] Read(Tensor buffer, Parameter parameter)
    {
        float[] values = new float[parameter.Count];
        _backend.Download<float>(View(buffer, parameter.Offset, new Shape(checked((int)parameter.Count))), values);
        return values;
    }

    /// <summary>
    /// Reads elements of one parameter's range of <paramref name="buffer"/>, beginning with element <paramref name="start"/>.
    /// </summary>
    public void Read(Tensor buffer, Parameter parameter, long start, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + destination.Length, parameter.Count);
        _backend.Download(View(buffer, parameter.Offset + start, new Shape(destination.Length)), destination);
    }

    /// <summary>Writes one parameter's range of <paramref name="buffer"/>.</summary>
    public void Write(Tensor buffer, Parameter parameter, ReadOnlySpan<float> values)
    {
        if (values.Length != parameter.Count)
        {
            throw new ArgumentException($"{parameter.Name} has {parameter.Count} elements, not {values.Length}.", nameof(values));
        }

        _backend.Upload(values, View(buffer, parameter.Offset, new Shape(values.Length)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _parameters.Storage.Dispose();
        _gradients?.Storage.Dispose();
        _firstMoment?.Storage.Dispose();
        _secondMoment?.Storage.Dispose();
    }

    private static Tensor View(Tensor buffer, long offset, Shape shape) =>
        new(buffer.Storage, buffer.ByteOffset + (offset * sizeof(float)), DType.F32, shape);

    private static Tensor Require(Tensor? tensor) =>
        tensor ?? throw new InvalidOperationException("The model was opened for scoring; it has no gradients.");
}
