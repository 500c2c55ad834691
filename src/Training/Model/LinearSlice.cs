namespace Rm.Training.Model;

/// <summary>Output rows of a module: all of them, or those that the pruned layer computes for other tokens than the rest.</summary>
/// <param name="Module">The module, one tensor of the checkpoint.</param>
/// <param name="First">First row in the module.</param>
/// <param name="Rows">Number of rows.</param>
internal readonly record struct LinearSlice(LinearModule Module, int First, int Rows)
{
    /// <summary>Which expert's module it is, where the layer has several.</summary>
    public int Expert { get; init; }

    /// <summary>All rows of a module.</summary>
    public static LinearSlice Whole(ModelConfig config, LinearModule module) => new(module, 0, config.Sizes(module).Out);

    /// <summary>The name of the module's weight in a layer.</summary>
    public string WeightName(int layer) => WeightNames.Weight(layer, Module, Expert);
}
