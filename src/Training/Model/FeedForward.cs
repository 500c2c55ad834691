using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// The part of a decoder layer that sees one token at a time: a gated MLP or a mixture of experts. Backward goes in two steps, so that the
/// input is made again only after the first one's temporaries.
/// </summary>
internal abstract class FeedForward : IDisposable
{
    /// <summary>Whether anything in it is trained.</summary>
    public bool IsTrained => Linears.Any(l => l.IsTrained);

    /// <summary>Its linear layers.</summary>
    protected abstract IEnumerable<LinearLayer> Linears { get; }

    /// <summary>Fills the weights; <paramref name="frozen"/>: that of another model whose frozen matrices are used too.</summary>
    public void Load(IBackend backend, ParameterBuffer parameters, IWeightSource source, bool training, FeedForward? frozen)
    {
        foreach ((LinearLayer linear, LinearLayer? other) in Linears.Zip(frozen?.Linears ?? Linears.Select(_ => (LinearLayer?)null)))
        {
            linear.Load(backend, parameters, source, training, other);
        }
    }

    /// <summary>Room for everything that backward needs of this many rows and that is not made again.</summary>
    public abstract FeedForwardActivations Allocate(ModelContext c, int rows);

    /// <summary>
    /// y = its output for <paramref name="input"/> <c>[rows, C]</c> (+ <paramref name="residual"/>). What is made again with selective
    /// recompute stays in the arena without it.
    /// </summary>
    public abstract void Forward(
        ModelContext c, FeedForwardActivations kept, Tensor input, Tensor? residual, Tensor y, int[]? tokenRows);

    /// <summary>From the gradient of the output, which stays as it is, to that of what reads the input.</summary>
    public abstract void Backward(ModelContext c, FeedForwardActivations kept, Tensor dY, int[]? tokenRows);

    /// <summary>The gradients of what reads the input, and of the input itself, assigned to <paramref name="dInput"/>.</summary>
    public abstract void BackwardInput(ModelContext c, FeedForwardActivations kept, Tensor input, Tensor dInput, int[]? tokenRows);

    /// <summary>Brings derived forms of trained weights up to date.</summary>
    public void Refresh(IBackend backend)
    {
        foreach (LinearLayer linear in Linears)
        {
            linear.Refresh(backend);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (LinearLayer linear in Linears)
        {
            linear.Dispose();
        }
    }
}

/// <summary>What a layer's feed-forward part keeps for its backward.</summary>
internal abstract class FeedForwardActivations
{
    public Tensor GateUp { get; init; }              // [rows, 2F], by expert in a mixture; backward overwrites it with its gradient
    public Tensor? SwiGlu { get; set; }              // [rows, F], null when backward makes it again
}
