using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Checks;

/// <summary>
/// Runs every operation of <see cref="IBackend"/> on a device and on a trusted backend with the same numbers, compares the results, and on
/// a real GPU times them.
/// </summary>
public sealed class OperationChecker
{
    private const int Repeats = 20;

    private readonly IBackend _device;
    private readonly IBackend _reference;
    private readonly bool _realShapes;

    /// <summary>A checker.</summary>
    /// <param name="device">What is checked.</param>
    /// <param name="reference">What is trusted: computes in float32.</param>
    /// <param name="realShapes">Whether shapes of real models are run too.</param>
    public OperationChecker(IBackend device, IBackend reference, bool realShapes)
    {
        _device = device;
        _reference = reference;
        _realShapes = realShapes;
    }

    /// <summary>Number of checks that <see cref="Run"/> makes.</summary>
    public int Count => Selected.Count();

    private IEnumerable<OperationCheck> Selected => OperationChecks.All.Where(check => _realShapes || !check.IsReal);

    /// <summary>Measures what the card can do; null for what is no GPU.</summary>
    public DeviceCeilings? MeasureCeilings()
    {
        if (Gpu() is not { } gpu)
        {
            return null;
        }

        using KernelTimer timer = new(gpu.Session);
        double copy = timer.CopyBandwidth(Repeats), gemm = 0;
        foreach (OperationCheck product in OperationChecks.LargeProducts)
        {
            using CheckSide side = new(_device, _device.ActivationDType);
            double[] seconds = timer.Time(product.Prepare(side), Repeats);
            gemm = Math.Max(gemm, product.Flops / seconds[seconds.Length / 2]);
        }

        return new DeviceCeilings(copy, gemm);
    }

    /// <summary>Runs the checks one by one.</summary>
    /// <param name="ceilings">What <see cref="MeasureCeilings"/> gave.</param>
    public IEnumerable<OperationCheckResult> Run(DeviceCeilings? ceilings)
    {
        CudaBackend? gpu = Gpu();
        using KernelTimer? timer = gpu is null ? null : new KernelTimer(gpu.Session);
        foreach (OperationCheck check in Selected)
        {
            yield return RunOne(check, timer, ceilings);
        }
    }

    // Times of the emulator say nothing about a GPU.
    private CudaBackend? Gpu() => CudaDevices.IsEmulated ? null : _device as CudaBackend;

    private OperationCheckResult RunOne(OperationCheck check, KernelTimer? timer, DeviceCeilings? ceilings)
    {
        OperationCheckResult failed = new(
            check.Operation, check.Shape, "", double.NaN, 0, Passed: false, null, null, check.Flops, check.Bytes, null);
        List<(string Name, float[] Values, bool IsBF16)> expected;
        using (CheckSide side = new(_reference, _device.ActivationDType))
        {
            check.Prepare(side)();
            expected = side.Read();
        }

        try
        {
            using CheckSide side = new(_device, _device.ActivationDType);
            Action run = check.Prepare(side);
            run();
            OperationCheckResult result = Compare(failed, check, expected, side.Read());
            if (timer is null || ceilings is null)
            {
                return result;
            }

            double[] times = timer.Time(run, Repeats);
            double seconds = times[times.Length / 2];
            double ceiling = check.Flops > 0 ? ceilings.GemmFlopsPerSecond : ceilings.CopyBytesPerSecond;
            return result with { Seconds = seconds, ShareOfCeiling = (check.Flops > 0 ? check.Flops : check.Bytes) / seconds / ceiling };
        }
        catch (Exception failure) when (CudaDevices.IsDeviceFailure(failure) || failure is ArgumentException or InvalidOperationException)
        {
            return failed with { Problem = failure.Message };
        }
    }

    private OperationCheckResult Compare(
        OperationCheckResult failed, OperationCheck check, List<(string Name, float[] Values, bool IsBF16)> expected,
        List<(string Name, float[] Values, bool IsBF16)> actual)
    {
        bool bf16 = _device.ActivationDType == DType.BF16 && !check.IsSingle;
        OperationCheckResult worst = failed with { Passed = true, Error = 0, Bound = double.PositiveInfinity };
        for (int i = 0; i < expected.Count; i++)
        {
            (double error, double allowed, double largest) = Measure(expected[i].Values, actual[i].Values, actual[i].IsBF16, bf16);
            double scale = largest > 0 ? largest : 1;
            bool passed = error <= allowed;
            OperationCheckResult here = failed with
            {
                Output = expected[i].Name,
                Error = error / scale,
                Bound = allowed / scale,
                Passed = passed,
            };

            // NaN compares false with everything, and is the worst there is.
            bool isWorse = !passed ? worst.Passed || double.IsNaN(here.Error) || here.Error / here.Bound > worst.Error / worst.Bound
                : worst.Passed && !(here.Error / here.Bound < worst.Error / worst.Bound);
            worst = isWorse ? here : worst;
        }

        return worst;
    }

    private static (double Error, double Allowed, double Largest) Measure(float[] expected, float[] actual, bool stored16, bool bf16)
    {
        double largest = 0, error = 0, storage = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            float want = expected[i], got = actual[i];
            if (!float.IsFinite(want) || !float.IsFinite(got))
            {
                return (double.NaN, 0, largest);
            }

            largest = Math.Max(largest, Math.Abs(want));
            error = Math.Max(error, Math.Abs((double)got - want));
        }

        if (stored16)
        {
            // Half a unit in the last of eight bits, for the largest value.
            storage = largest / (1 << 9);
        }

        return (error, ErrorBound.AllowedBetween(storage, largest, bf16), largest);
    }
}
