using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>What the layers of one micro-batch share.</summary>
internal sealed class ModelContext : IDisposable
{
    private readonly List<PreparedLayout> _beside = [];

    public required IBackend Backend { get; init; }

    public required TensorArena Arena { get; init; }

    public required PreparedLayout Layout { get; init; }

    /// <summary>Rotary tables of all tokens, by rotation.</summary>
    public required IReadOnlyDictionary<RopeSettings, RopeTables> Ropes { get; init; }

    /// <summary>Dropout seed of this step, or null when nothing is dropped (evaluation).</summary>
    public required ulong? DropoutSeed { get; init; }

    /// <summary>What backward makes again.</summary>
    public required Recompute Recompute { get; init; }

    /// <summary>Operations of a hybrid model; the model was refused where the device has none.</summary>
    public IDeltaNetOperations DeltaNets =>
        Backend.DeltaNets ?? throw new InvalidOperationException("The device has no operations of gated delta nets.");

    /// <summary>Operations of a mixture of experts; the model was refused where the device has none.</summary>
    public IExpertOperations Experts =>
        Backend.Experts ?? throw new InvalidOperationException("The device has no operations of mixtures of experts.");

    public int[] RewardRows => Layout.Layout.RewardRows;

    public int TokenCount => Layout.Layout.TokenCount;

    /// <summary>An activation tensor with undefined contents.</summary>
    public Tensor Activation(int rows, int columns) => Arena.Allocate(Backend.ActivationDType, new Shape(rows, columns));

    /// <summary>A float32 tensor with undefined contents.</summary>
    public Tensor Float(int rows, int columns) => Arena.Allocate(DType.F32, new Shape(rows, columns));

    /// <summary>The reward rows of x <c>[T, C]</c>, <c>[R, C]</c>.</summary>
    public Tensor GatherRewardRows(Tensor x)
    {
        Tensor rows = Activation(RewardRows.Length, x.Columns);
        Backend.GatherRows(new GatherRowsArgs(x, RewardRows, rows));
        return rows;
    }

    /// <summary>A small layout that lives as long as this one.</summary>
    public PreparedLayout PrepareBeside(SequenceLayout layout)
    {
        PreparedLayout prepared = Backend.Prepare(layout);
        _beside.Add(prepared);
        return prepared;
    }

    public void Dispose()
    {
        _beside.ForEach(layout => layout.Dispose());
        Layout.Dispose();
    }
}
