using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>A backend that makes random numbers where they are used, so that a benchmark's weights never exist on the host.</summary>
public interface IRandomFill
{
    /// <summary>Every element uniform in [-range / 2, range / 2); false when the backend cannot.</summary>
    bool TryFillRandom(Tensor destination, float range, ulong seed);

    /// <summary>The same for a frozen weight.</summary>
    bool TryFillRandom(LinearWeight destination, float range, ulong seed);
}
