using System.Diagnostics;
using System.Runtime.InteropServices;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Bench.Cuda;

/// <summary>
/// Host time of one launch through every layer above the driver's call (launcher, checks, argument struct, interface) and of the bare call
/// with the same arguments, and bytes allocated on the managed heap a launch.
/// </summary>
internal static unsafe class LaunchBench
{
    private const int Launches = 2000;
    private const int Rounds = 30;

    public static int Run()
    {
        using CudaSession session = new(0);
        using RmsNormCase one = new(session, backward: false, rows: 1, columns: 32);
        RmsNormForwardLaunch arguments = default;
        CudaKernel kernel = session.Kernels.Get("rms_norm_forward_bf16");
        using CudaStorage memory = new(session.Device, 4096);
        session.Stream.Zero(memory.Address, 4096);
        arguments.X = arguments.W = memory.Address;
        arguments.Y = arguments.Rstd = memory.Address + 2048;
        arguments.Columns = 32;
        arguments.Epsilon = 1;
        LaunchShape shape = new(1, 32);
        nint stream = session.Stream.Value, function = kernel.Function;

        // One allocation: the struct, and behind it the array of one pointer to it that the driver takes.
        var copy = (RmsNormForwardLaunch*)NativeMemory.Alloc((nuint)(sizeof(RmsNormForwardLaunch) + sizeof(void*)));
        *copy = arguments;
        void** parameters = (void**)(copy + 1);
        *parameters = copy;

        double bare = double.MaxValue, typed = double.MaxValue, whole = double.MaxValue;
        long typedBytes = 0, wholeBytes = 0;
        for (int round = 0; round < Rounds; round++)
        {
            bare = Math.Min(bare, Nanoseconds(session, () => CudaDriver.Check(
                NativeCuda.cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, parameters, null), "cuLaunchKernel"), out _));
            typed = Math.Min(typed, Nanoseconds(session, () => kernel.Launch(session.Stream, shape, arguments), out typedBytes));
            whole = Math.Min(whole, Nanoseconds(session, one.Run, out wholeBytes));
        }

        NativeMemory.Free(copy);
        Console.WriteLine($"{session.Device}{(CudaLibraries.IsEmulated ? " (emulated)" : "")}; best of {Rounds} x {Launches} launches");
        Console.WriteLine($"driver's call alone          {bare,8:F0} ns");
        Console.WriteLine($"CudaKernel.Launch            {typed,8:F0} ns  (+{typed - bare:F0}), {typedBytes} bytes allocated a launch");
        Console.WriteLine($"CudaRmsNorm.Forward, record  {whole,8:F0} ns  (+{whole - bare:F0}), {wholeBytes} bytes allocated a launch");
        return 0;
    }

    private static double Nanoseconds(CudaSession session, Action launch, out long bytesEach)
    {
        session.Stream.Synchronize();
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Launches; i++)
        {
            launch();
        }

        double each = Stopwatch.GetElapsedTime(start).TotalNanoseconds / Launches;
        bytesEach = (GC.GetAllocatedBytesForCurrentThread() - before) / Launches;
        session.Stream.Synchronize();
        return each;
    }
}
