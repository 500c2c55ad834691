using Rm.Kernels.Cuda;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>NVML's readings and the profiler's bracket, through the same calls as on a GPU.</summary>
[Collection(CudaCollection.Name)]
public sealed class GpuMonitorTests
{
    [Fact]
    public void A_monitor_reads_what_the_card_tells()
    {
        CudaTest.OpenDevice().Dispose();
        using CudaBackend backend = new();
        using var monitor = GpuMonitor.TryOpen(backend, out string? problem);
        Assert.SkipWhen(monitor is null && !CudaDevices.IsEmulated, $"no NVML: {problem}");
        GpuReading reading = monitor!.Read();
        Assert.InRange(reading.Utilization!.Value, 0, 100);
        Assert.InRange(reading.MemoryUtilization!.Value, 0, 100);
        Assert.InRange(reading.MemoryUsed!.Value, 0, backend.Session.Device.TotalMemory);
        Assert.InRange(reading.Power!.Value, 1, 5000);
        Assert.InRange(reading.Temperature!.Value, 1, 120);
        Assert.InRange(reading.SmClock!.Value, 100, 5000);
        Assert.InRange(reading.MemoryClock!.Value, 100, 20000);
    }

    [Fact]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    public void The_emulators_readings_arrive_in_their_units()
    {
        CudaTest.OpenDevice().Dispose();
        CudaTest.NeedsEmulator();
        using CudaBackend backend = new();
        using GpuMonitor monitor = GpuMonitor.TryOpen(backend, out _)!;
        GpuReading[] readings = [.. Enumerable.Range(0, 3).Select(_ => monitor.Read())];
        Assert.Equal([60, 75, 90], readings.Select(r => r.Utilization!.Value).Order());
        Assert.Equal([400, 500, 600], readings.Select(r => r.Power!.Value).Order());
        Assert.Equal([50, 55, 60], readings.Select(r => r.Temperature!.Value).Order());
        Assert.All(readings, r => Assert.Equal(3201, r.MemoryClock));
        Assert.Equal(backend.Session.Device.TotalMemory - backend.Session.Device.FreeMemory, readings[^1].MemoryUsed);
    }

    [Fact]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    public void The_profiler_is_started_and_stopped_once_each()
    {
        CudaTest.OpenDevice().Dispose();
        CudaTest.NeedsEmulator();
        using CudaBackend backend = new();
        ulong[] before = Emulator.ProfilerCounts;
        backend.StartProfiler();
        Assert.Equal([before[0] + 1, before[1]], Emulator.ProfilerCounts);
        backend.StopProfiler();
        Assert.Equal([before[0] + 1, before[1] + 1], Emulator.ProfilerCounts);
    }
}
