using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>Makes the arguments of a case on one backend, and compares what comes out.</summary>
internal sealed class OperationBench : IDisposable
{
    private readonly Random _random;
    private readonly List<GuardedTensor> _inputs = [];
    private readonly List<IDisposable> _owned = [];

    public OperationBench(IBackend backend, int seed)
    {
        Backend = backend;
        _random = new Random(seed);
        Scratch = backend.CreateArena();
        _owned.Add(Scratch);
    }

    public IBackend Backend { get; }

    public DType Activation => Backend.ActivationDType;

    public TensorArena Scratch { get; }

    /// <summary>Seeded normal numbers that <paramref name="dtype"/> holds exactly.</summary>
    public RealMatrix<double> Numbers(int rows, int columns, DType dtype = DType.F32, double scale = 1) =>
        new RealMatrix<double>(rows, columns).Map((_, _, _) => GuardedTensor.Round(scale * Normal(), dtype));

    /// <summary>Numbers of the backend's activation type.</summary>
    public RealMatrix<double> Activations(int rows, int columns, double scale = 1) => Numbers(rows, columns, Activation, scale);

    public int Integer(int end) => _random.Next(end);

    /// <summary>An argument that the operation only reads.</summary>
    public Tensor Input(string name, RealMatrix<double> values, DType dtype = DType.F32, int gap = 0)
    {
        var tensor = GuardedTensor.With(Backend, name, dtype, values, gap);
        _inputs.Add(tensor);
        return tensor.View;
    }

    /// <summary>An activation that the operation only reads.</summary>
    public Tensor InputActivation(string name, RealMatrix<double> values, int gap = 0) => Input(name, values, Activation, gap);

    /// <summary>An argument that is read and written, or added to.</summary>
    public GuardedTensor InOut(string name, RealMatrix<double> values, DType dtype = DType.F32, int gap = 0) =>
        GuardedTensor.With(Backend, name, dtype, values, gap);

    /// <summary>A float32 output, full of NaN.</summary>
    public GuardedTensor Output(string name, int rows, int columns, int gap = 0) =>
        GuardedTensor.Empty(Backend, name, DType.F32, rows, columns, gap);

    /// <summary>An output of the activation type, full of NaN.</summary>
    public GuardedTensor OutputActivation(string name, int rows, int columns, int gap = 0) =>
        GuardedTensor.Empty(Backend, name, Activation, rows, columns, gap);

    public PreparedLayout Prepare(SequenceLayout layout)
    {
        PreparedLayout prepared = Backend.Prepare(layout);
        _owned.Add(prepared);
        return prepared;
    }

    public LinearWeight FrozenWeight(RealMatrix<double> w, bool needsInputGradient)
    {
        LinearWeight weight = Backend.CreateFrozenWeight(w.Rows, w.Columns, needsInputGradient);
        _owned.Add(weight);

        // In two parts, last rows first, as a checkpoint with q, k and v by themselves gives it.
        float[] values = Array.ConvertAll(w.Values.ToArray(), v => (float)v);
        int half = w.Rows / 2;
        weight.Load(half, values.AsSpan(half * w.Columns));
        if (half > 0)
        {
            weight.Load(0, values.AsSpan(0, half * w.Columns));
        }

        return weight;
    }

    /// <summary>A frozen weight in few bits, in two parts as above; where the backend keeps none, its values.</summary>
    public LinearWeight LowBitWeight(LowBitReference reference)
    {
        if (Backend.CreateLowBitWeight(reference.Rows, reference.Columns, reference.Layout, reference.Tables) is not { } weight)
        {
            return FrozenWeight(new RealMatrix<double>(reference.Rows, reference.Columns).Map((r, c, _) => reference.Value(r, c)),
                needsInputGradient: true);
        }

        _owned.Add(weight);
        int half = reference.Rows / 2;
        weight.LoadRows(half, reference.Take(half, reference.Rows - half));
        weight.LoadRows(0, reference.Take(0, half));
        return weight;
    }

    public LinearWeight TrainableWeight(RealMatrix<double> w)
    {
        LinearWeight weight = Backend.CreateTrainableWeight(Input("master", w));
        _owned.Add(weight);
        Backend.Refresh(weight);
        return weight;
    }

    /// <summary>Compares an output with the reference in double and the same loops in float32.</summary>
    public void Check(GuardedTensor output, RealMatrix<double> expected, RealMatrix<float> naive)
    {
        Backend.Synchronize();
        RealMatrix<double> stored = naive.To<double>().Map((_, _, value) => GuardedTensor.Round(value, output.View.DType));
        Comparison.AssertClose(output.Name, output.Read(), expected, stored, Activation == DType.BF16);
    }

    /// <summary>Compares one output of several draws, the rows of all of them together.</summary>
    public void CheckTogether(IReadOnlyList<(GuardedTensor Output, RealMatrix<double> Expected, RealMatrix<float> Naive)> draws)
    {
        Backend.Synchronize();
        RealMatrix<double> actual = Stacked([.. draws.Select(draw => draw.Output.Read())]);
        RealMatrix<double> expected = Stacked([.. draws.Select(draw => draw.Expected)]);
        RealMatrix<double> naive = Stacked([.. draws.Select(draw => draw.Naive.To<double>())]);
        Comparison.AssertClose(draws[0].Output.Name, actual, expected, naive, Activation == DType.BF16);
    }

    private static RealMatrix<double> Stacked(IReadOnlyList<RealMatrix<double>> parts) =>
        new RealMatrix<double>(parts.Count * parts[0].Rows, parts[0].Columns)
            .Map((row, column, _) => parts[row / parts[0].Rows][row % parts[0].Rows, column]);

    /// <summary>Inputs must be as they were.</summary>
    public void CheckInputs()
    {
        foreach (GuardedTensor input in _inputs)
        {
            input.AssertUntouched();
        }
    }

    public void Dispose()
    {
        foreach (IDisposable owned in _owned)
        {
            owned.Dispose();
        }
    }

    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
}
