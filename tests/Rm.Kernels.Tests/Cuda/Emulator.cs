using System.Runtime.InteropServices;
using System.Text;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// The emulator's own calls (native/emulator): schedules, memory size, reports. Callers have asked <see cref="CudaTest.NeedsEmulator"/>.
/// </summary>
internal static unsafe class Emulator
{
    private static readonly nint Library = NativeLibrary.Load(CudaLibraries.LoadedFrom(CudaLibraries.Driver)!);

    /// <summary>Text of the last defect, empty without one.</summary>
    public static string LastReport => Text("btrmEmuLastReport");

    /// <summary>One line for every device allocation that is alive.</summary>
    public static string LeakReport => Text("btrmEmuLeakReport");

    /// <summary>Launches, blocks, copies, bytes copied, allocations and frees since the last reset.</summary>
    public static ulong[] Counters => Numbers("btrmEmuCounters", 6);

    /// <summary>Copies between host and device so far.</summary>
    public static ulong Copies => Counters[2];

    /// <summary>Starts and stops of the profiler since the last reset.</summary>
    public static ulong[] ProfilerCounts => Numbers("btrmEmuProfilerCounts", 2);

    /// <summary>Of the PTX machine, since counting began: a line of JSON for each kernel and target that ran.</summary>
    public static string LaunchCounts => Text("btrmEmuLaunchCounts");

    /// <summary>
    /// Of the PTX machine, since counting began: target, kernel, opcode, executions, places in the text and places never executed, a line
    /// for each.
    /// </summary>
    public static string InstructionCoverage => Text("btrmEmuInstructionCoverage");

    /// <summary>Seed of the order of blocks, warps, lanes and streams.</summary>
    public static void SetSeed(ulong seed) => ((delegate* unmanaged<ulong, void>)Export("btrmEmuSetSeed"))(seed);

    /// <summary>Compute capability of the device from now on: 80, 90.</summary>
    public static void SetArchitecture(uint number) =>
        Assert.Equal(CudaResult.Success, ((delegate* unmanaged<uint, CudaResult>)Export("btrmEmuSetArch"))(number));

    /// <summary>Counts what launches of the PTX machine do, from nothing; or stops.</summary>
    public static void CountLaunches(bool on) => ((delegate* unmanaged<int, void>)Export("btrmEmuCountLaunches"))(on ? 1 : 0);

    /// <summary>Forgets queued work, streams, events, modules, memory, errors and reports.</summary>
    public static void Reset() => ((delegate* unmanaged<void>)Export("btrmEmuReset"))();

    /// <summary>Device memory that is free now, and in all.</summary>
    public static void SetMemory(ulong free, ulong total) =>
        Assert.Equal(CudaResult.Success, ((delegate* unmanaged<ulong, ulong, CudaResult>)Export("btrmEmuSetMemory"))(free, total));

    /// <summary>
    /// Layout of a launch-argument structure of a .cu file: its bytes, and name, offset and bytes of each field; null without one.
    /// </summary>
    public static (int Bytes, List<(string Name, int Offset, int Bytes)> Fields)? StructLayout(string name)
    {
        byte[] buffer = new byte[4096];
        int length;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + "\0"), target = buffer)
        {
            length = ((delegate* unmanaged<byte*, byte*, int, int>)Export("btrmEmuStructLayout"))(text, target, buffer.Length);
        }

        if (length == 0)
        {
            return null;
        }

        string[] parts = Encoding.UTF8.GetString(buffer, 0, length).Split(';', StringSplitOptions.RemoveEmptyEntries);
        return (int.Parse(parts[0]), [.. parts.Skip(1).Select(static part => part.Split(':')).Select(
            static field => (field[0], int.Parse(field[1]), int.Parse(field[2])))]);
    }

    private static ulong[] Numbers(string export, int count)
    {
        ulong[] values = new ulong[count];
        fixed (ulong* target = values)
        {
            ((delegate* unmanaged<ulong*, void>)Export(export))(target);
        }

        return values;
    }

    private static string Text(string export)
    {
        var give = (delegate* unmanaged<byte*, int, int>)Export(export);
        byte[] buffer = new byte[give(null, 0) + 1];
        fixed (byte* target = buffer)
        {
            int length = give(target, buffer.Length);
            return Encoding.UTF8.GetString(buffer, 0, Math.Min(length, buffer.Length - 1));
        }
    }

    private static nint Export(string name) => NativeLibrary.GetExport(Library, name);
}
