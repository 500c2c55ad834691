using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>What the layers of one micro-batch share.</summary>
internal sealed class ModelContext : IDisposable
{
    public required IBackend Backend { get; init; }

    public required TensorArena Arena { get; init; }

    public required PreparedLayout Layout { get; init; }

    /// <summary>Rotary table of all tokens, <c>[T, D]</c>.</summary>
    public required Tensor CosSin { get; init; }

    /// <summary>Dropout seed of this step, or null when nothing is dropped (evaluation).</summary>
    public required ulong? DropoutSeed { get; init; }

    /// <summary>What backward makes again.</summary>
    public required Recompute Recompute { get; init; }

    public int[] RewardRows => Layout.Layout.RewardRows;

    public int TokenCount => Layout.Layout.TokenCount;

    /// <summary>An activation tensor with undefined contents.</summary>
    public Tensor Activation(int rows, int columns) => Arena.Allocate(Backend.ActivationDType, new Shape(rows, columns));

    /// <summary>A float32 tensor with undefined contents.</summary>
    public Tensor Float(int rows, int columns) => Arena.Allocate(DType.F32, new Shape(rows, columns));

    public void Dispose() => Layout.Dispose();
}
