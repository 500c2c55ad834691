namespace Rm.Kernels.Cuda;

/// <summary>Times launches by device events, each from a second-level cache that holds none of their operands.</summary>
internal sealed class KernelTimer : IDisposable
{
    private const int WarmUp = 3;

    private readonly CudaSession _session;
    private readonly CudaStorage _flush;
    private readonly CudaEvent _start, _end;

    public KernelTimer(CudaSession session)
    {
        _session = session;

        // Twice the cache, so that whatever its replacement rule keeps is ours.
        _flush = new CudaStorage(session.Device, Math.Max(1 << 20, 2L * session.Device.L2CacheBytes));
        _start = new CudaEvent(session.Device, timing: true);
        _end = new CudaEvent(session.Device, timing: true);
    }

    /// <summary>Seconds of <paramref name="repeats"/> launches, ascending.</summary>
    public double[] Time(Action run, int repeats)
    {
        double[] seconds = new double[repeats];
        for (int i = -WarmUp; i < repeats; i++)
        {
            _session.Stream.Fill(_flush.Address, (uint)i, _flush.ByteLength / 4);
            _start.Record(_session.Stream);
            run();
            _end.Record(_session.Stream);
            _end.Synchronize();
            if (i >= 0)
            {
                seconds[i] = CudaEvent.Seconds(_start, _end);
            }
        }

        Array.Sort(seconds);
        return seconds;
    }

    /// <summary>
    /// Bytes a second, read and written, of the driver's own copy within the device: the ceiling of kernels that memory bounds.
    /// </summary>
    public double CopyBandwidth(int repeats)
    {
        long bytes = Math.Min(1L << 30, _session.Device.FreeMemory / 8);
        using CudaStorage source = new(_session.Device, bytes), target = new(_session.Device, bytes);
        _session.Stream.Zero(source.Address, bytes);
        double[] seconds = Time(() => _session.Stream.Copy(target.Address, source.Address, bytes), repeats);
        return 2.0 * bytes / seconds[seconds.Length / 2];
    }

    public void Dispose()
    {
        _flush.Dispose();
        _start.Dispose();
        _end.Dispose();
    }
}
