using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// The part of a decoder layer in which tokens see each other: from the (normed) input up to what the output projection reads. Backward
/// goes in two steps, so that the input is made again only after the first one's temporaries.
/// </summary>
internal abstract class TokenMixer : IDisposable
{
    /// <summary>The projection behind it.</summary>
    public abstract LinearModule OutputModule { get; }

    /// <summary>Whether anything in it is trained.</summary>
    public virtual bool IsTrained => Linears.Any(l => l.IsTrained) || Norms.Any(n => n.IsTrained);

    /// <summary>Its linear layers, which all read the layer's input.</summary>
    protected abstract IEnumerable<LinearLayer> Linears { get; }

    /// <summary>Its norms.</summary>
    protected abstract IEnumerable<NormLayer> Norms { get; }

    /// <summary>Fills the weights; <paramref name="frozen"/>: the mixer of another model whose frozen matrices are used too.</summary>
    public virtual void Load(
        IBackend backend, ParameterBuffer parameters, IWeightSource source, bool needsInputGradient, TokenMixer? frozen)
    {
        foreach (NormLayer norm in Norms)
        {
            norm.Load(backend, parameters, source);
        }

        foreach ((LinearLayer linear, LinearLayer? other) in Linears.Zip(frozen?.Linears ?? Linears.Select(_ => (LinearLayer?)null)))
        {
            linear.Load(backend, parameters, source, needsInputGradient, other);
        }
    }

    /// <summary>Room for everything that backward needs and that is not made again.</summary>
    public abstract MixerActivations Allocate(ModelContext c);

    /// <summary>Fills what was allocated, <see cref="MixerActivations.Mixed"/> among it, from the input <c>[T, C]</c>.</summary>
    public abstract void Forward(ModelContext c, MixerActivations kept, Tensor input);

    /// <summary>
    /// From the gradient of <see cref="MixerActivations.Mixed"/>, which may be overwritten, to those of the input projections' outputs.
    /// </summary>
    public abstract void Backward(ModelContext c, MixerActivations kept, Tensor dMixed);

    /// <summary>
    /// The gradients of the projections, and of the input, assigned to <paramref name="dInput"/> <c>[T, C]</c> where it is wanted.
    /// </summary>
    public abstract void BackwardProjections(ModelContext c, MixerActivations kept, Tensor input, Tensor? dInput);

    /// <summary>Brings derived forms of trained weights up to date.</summary>
    public void Refresh(IBackend backend)
    {
        foreach (LinearLayer linear in Linears)
        {
            linear.Refresh(backend);
        }

        foreach (NormLayer norm in Norms)
        {
            norm.Refresh(backend);
        }
    }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        foreach (IDisposable part in Linears.Cast<IDisposable>().Concat(Norms))
        {
            part.Dispose();
        }
    }
}
