using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launcher of native/cuda/adamw.cu.</summary>
internal sealed class CudaAdamW
{
    private const int Threads = 256;
    private const int PacketElements = LaunchChecks.PacketBytes / sizeof(float);
    private const long MaxBlocks = 1 << 20;

    private readonly CudaSession _session;
    private readonly CudaKernel _update;

    /// <summary>Loads the kernel.</summary>
    public CudaAdamW(CudaSession session)
    {
        _session = session;
        _update = session.Kernels.Get("adamw_forward_f32");
    }

    /// <summary>One step of <see cref="AdamWArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or size does not fit, or a group is outside the buffer.</exception>
    public void Run(AdamWArgs args)
    {
        using NvtxRange range = new("adamw_forward"u8);
        long count = args.Parameters.Shape.Count;
        Check(nameof(args.Parameters), args.Parameters, count);
        Check(nameof(args.Gradients), args.Gradients, count);
        Check(nameof(args.FirstMoment), args.FirstMoment, count);
        Check(nameof(args.SecondMoment), args.SecondMoment, count);
        ArgumentOutOfRangeException.ThrowIfLessThan(args.Step, 1);
        foreach (AdamWGroup group in args.Groups)
        {
            if (group.Start < 0 || group.Length < 0 || group.Start > count - group.Length)
            {
                throw new ArgumentException(
                    $"Group {group.Start}..{group.Start + group.Length} is outside {count} parameters.", nameof(args));
            }

            if (group.Length != 0)
            {
                Launch(args, group);
            }
        }
    }

    private void Launch(AdamWArgs args, AdamWGroup group)
    {
        nint offset = checked((nint)(group.Start * sizeof(float)));
        AdamWLaunch launch = new()
        {
            Parameters = args.Parameters.Address + offset,
            Gradients = args.Gradients.Address + offset,
            FirstMoment = args.FirstMoment.Address + offset,
            SecondMoment = args.SecondMoment.Address + offset,
            Count = group.Length,
            GradientScale = args.GradientScale,
            Decay = (float)(1 - (group.LearningRate * group.WeightDecay)),
            FirstWeight = (float)(1 - args.Beta1),
            Beta2 = (float)args.Beta2,
            SecondWeight = (float)(1 - args.Beta2),
            Correction2Root = (float)Math.Sqrt(1 - Math.Pow(args.Beta2, args.Step)),
            Epsilon = (float)args.Epsilon,
            NegativeStepSize = (float)-(group.LearningRate / (1 - Math.Pow(args.Beta1, args.Step))),
        };
        launch.Packed =
            (launch.Parameters | launch.Gradients | launch.FirstMoment | launch.SecondMoment) % LaunchChecks.PacketBytes == 0 ? 1 : 0;
        long items = launch.Packed != 0 ? (group.Length + PacketElements - 1) / PacketElements : group.Length;
        int blocks = (int)Math.Min(MaxBlocks, (items + Threads - 1) / Threads);
        _update.Launch(_session.Stream, new LaunchShape(blocks, Threads), launch);
    }

    private static void Check(string name, Tensor tensor, long count)
    {
        if (tensor.DType != DType.F32 || tensor.Shape.Count != count || !tensor.IsContiguous)
        {
            throw new ArgumentException(
                $"{name} is {tensor.DType} {tensor.Shape}; AdamW needs {count} contiguous {DType.F32} elements.", name);
        }
    }
}

/// <summary>AdamWArgs of adamw.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AdamWLaunch
{
    public nint Parameters;
    public nint Gradients;
    public nint FirstMoment;
    public nint SecondMoment;
    public long Count;
    public float GradientScale;
    public float Decay;
    public float FirstWeight;
    public float Beta2;
    public float SecondWeight;
    public float Correction2Root;
    public float Epsilon;
    public float NegativeStepSize;
    public int Packed;
}
