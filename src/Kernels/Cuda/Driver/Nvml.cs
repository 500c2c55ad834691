using System.Runtime.InteropServices;
using System.Text;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// What only NVML knows: the driver package's version, power, temperature, load and clocks. Absent values are null; nothing throws.
/// </summary>
internal sealed unsafe class Nvml : IDisposable
{
    private readonly bool _ready;
    private bool _disposed;

    public Nvml() => _ready = CudaLibraries.IsAvailable(CudaLibraries.Nvml) && Call(static () => NativeNvml.nvmlInit_v2());

    /// <summary>A call that writes one value.</summary>
    private delegate int Query<T>(nint device, T* value)
        where T : unmanaged;

    /// <summary>Whether the library is there and has started.</summary>
    public bool IsReady => _ready;

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

    /// <summary>NVML's handle of the device with <paramref name="uuid"/>, or 0 when it knows none.</summary>
    /// <remarks>
    /// The driver gives the identity of a part of a divided GPU (MIG) without saying that it is one; NVML's name of it begins so.
    /// </remarks>
    public nint Find(string uuid)
    {
        if (!_ready)
        {
            return 0;
        }

        nint device = FindNamed(uuid);
        return device == 0 && uuid.StartsWith("GPU-", StringComparison.Ordinal) ? FindNamed(string.Concat("MIG-", uuid.AsSpan(4))) : device;
    }

    private static nint FindNamed(string uuid)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(uuid);
        try
        {
            return Read<nint>((_, device) => NativeNvml.nvmlDeviceGetHandleByUUID((byte*)text, device), 0) ?? 0;
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>Power limit in watts and highest multiprocessor clock in MHz of the device with <paramref name="uuid"/>.</summary>
    public (double? PowerLimit, int? MaxClock) Limits(string uuid)
    {
        nint device = Find(uuid);
        return device == 0
            ? (null, null)
            : (Read<uint>(NativeNvml.nvmlDeviceGetEnforcedPowerLimit, device) / 1000.0,
                (int?)Read<uint>(static (d, value) => NativeNvml.nvmlDeviceGetMaxClockInfo(d, NativeNvml.ClockSm, value), device));
    }

    /// <summary>The state of a device that <see cref="Find"/> gave, now; its NVML must not have been disposed.</summary>
    public static GpuReading Measure(nint device)
    {
        NativeNvmlUtilization? load = Read<NativeNvmlUtilization>(NativeNvml.nvmlDeviceGetUtilizationRates, device);
        return new GpuReading(
            load?.Gpu,
            load?.Memory,
            (long?)Read<NativeNvmlMemory>(NativeNvml.nvmlDeviceGetMemoryInfo, device)?.Used,
            Read<uint>(NativeNvml.nvmlDeviceGetPowerUsage, device) / 1000.0,
            Read<uint>(static (d, value) => NativeNvml.nvmlDeviceGetTemperature(d, NativeNvml.TemperatureGpu, value), device),
            Read<uint>(static (d, value) => NativeNvml.nvmlDeviceGetClockInfo(d, NativeNvml.ClockSm, value), device),
            Read<uint>(static (d, value) => NativeNvml.nvmlDeviceGetClockInfo(d, NativeNvml.ClockMemory, value), device));
    }

    public void Dispose()
    {
        if (_ready && !_disposed)
        {
            _disposed = true;
            Call(static () => NativeNvml.nvmlShutdown());
        }
    }

    private static T? Read<T>(Query<T> query, nint device)
        where T : unmanaged
    {
        T value = default;
        try
        {
            return query(device, &value) == 0 ? value : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

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
}
