using System.Runtime.InteropServices;
using System.Text;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>What only NVML knows: the driver package's version, power limits and clocks. Absent values are null; nothing throws.</summary>
internal sealed unsafe class Nvml : IDisposable
{
    private readonly bool _ready;

    public Nvml() => _ready = CudaLibraries.IsAvailable(CudaLibraries.Nvml) && Call(static () => NativeNvml.nvmlInit_v2());

    /// <summary>Version of the driver package: "550.54.15".</summary>
    public string? DriverVersion
    {
        get
        {
            const int Length = 96;
            byte[] text = new byte[Length];
            bool read = _ready && Call(() =>
            {
                fixed (byte* pointer = text)
                {
                    return NativeNvml.nvmlSystemGetDriverVersion(pointer, Length);
                }
            });
            return read ? Encoding.UTF8.GetString(text).TrimEnd('\0') : null;
        }
    }

    /// <summary>Power limit in watts and highest multiprocessor clock in MHz of the device with <paramref name="uuid"/>.</summary>
    public (double? PowerLimit, int? MaxClock) Limits(string uuid)
    {
        if (!_ready)
        {
            return (null, null);
        }

        Limit limit = new();
        nint text = Marshal.StringToCoTaskMemUTF8(uuid);
        try
        {
            bool found = Call(() =>
            {
                fixed (nint* device = &limit.Device)
                {
                    return NativeNvml.nvmlDeviceGetHandleByUUID((byte*)text, device);
                }
            });
            return found
                ? (ReadPower(limit) ? limit.Milliwatts / 1000.0 : null, ReadClock(limit) ? (int)limit.Megahertz : null)
                : (null, null);
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    public void Dispose()
    {
        if (_ready)
        {
            Call(static () => NativeNvml.nvmlShutdown());
        }
    }

    private static bool ReadPower(Limit limit) => Call(() =>
    {
        fixed (uint* value = &limit.Milliwatts)
        {
            return NativeNvml.nvmlDeviceGetEnforcedPowerLimit(limit.Device, value);
        }
    });

    private static bool ReadClock(Limit limit) => Call(() =>
    {
        fixed (uint* value = &limit.Megahertz)
        {
            return NativeNvml.nvmlDeviceGetMaxClockInfo(limit.Device, NativeNvml.ClockSm, value);
        }
    });

    private static bool Call(Func<int> call)
    {
        try
        {
            return call() == 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    private sealed class Limit
    {
        public nint Device;
        public uint Milliwatts;
        public uint Megahertz;
    }
}
