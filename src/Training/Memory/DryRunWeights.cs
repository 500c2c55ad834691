using Rm.Kernels.Ops;
using Rm.Training.LowBit;
using Rm.Training.Model;

namespace Rm.Training.Memory;

/// <summary>Weights of which only the sizes matter.</summary>
/// <param name="layoutOf">The layout of a matrix that is stored in few bits, by its name; null for others.</param>
internal sealed class DryRunWeights(Func<string, ILowBitMatrix?> layoutOf) : IWeightSource
{
    /// <summary>Weights that are all stored plainly.</summary>
    public static DryRunWeights Plain { get; } = new(_ => null);

    /// <inheritdoc/>
    public bool HasValues => false;

    /// <summary>The linear modules' weights as <paramref name="type"/> keeps them, or plainly.</summary>
    public static DryRunWeights Of(ModelConfig config, BaseDType? type)
    {
        if (type?.Layout() is not { } layout)
        {
            return Plain;
        }

        HashSet<string> modules =
            [.. Enumerable.Range(0, config.Layers).SelectMany(config.Matrices).Select(matrix => matrix.Name)];
        var matrix = new Matrix(layout);
        return new DryRunWeights(name => modules.Contains(name) ? matrix : null);
    }

    /// <summary>The forms that another source has.</summary>
    public static DryRunWeights Of(CheckpointWeights weights, ModelConfig config)
    {
        Dictionary<string, ILowBitMatrix?> forms = new(StringComparer.Ordinal);
        foreach ((string name, _) in WeightNames.Decoder(config))
        {
            if (weights.LowBit(name)?.Layout is { } layout)
            {
                forms.Add(name, new Matrix(layout));
            }
        }

        return new DryRunWeights(forms.GetValueOrDefault);
    }

    /// <inheritdoc/>
    public bool Contains(string name) => true;

    /// <inheritdoc/>
    public ILowBitMatrix? LowBit(string name) => layoutOf(name);

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination) => destination.Clear();

    private sealed class Matrix(LowBitLayout layout) : ILowBitMatrix
    {
        public LowBitLayout? Layout => layout;

        public LowBitTables Tables { get; } =
            new(layout.Code == LowBitCode.Nf4 ? Nf4Quantizer.Codes : [], layout.NestedBlocks > 0 ? Nf4Quantizer.ScaleMap : []);

        public LowBitRows ReadRows(int first, int count) => new([], [], [], []);
    }
}
