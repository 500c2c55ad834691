namespace Rm.Formats.Hub;

/// <summary>
/// Reads a body whose sender may stall: no bytes within the timeout, or hardly any over several of them, is a <see
/// cref="HubTransferException"/>, as is every failure of the connection.
/// </summary>
internal sealed class PacedReader(Stream body, TimeSpan timeout, int slowTimeouts, int slowBytes) : IDisposable
{
    private long _windowStart = Environment.TickCount64;
    private long _windowBytes;

    /// <summary>Reads some bytes; 0 at the end.</summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(timeout);
        int read;
        try
        {
            read = await body.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            throw new HubTransferException($"no data for {timeout.TotalSeconds:F0} s", e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new HubTransferException($"the connection broke ({e.Message})", e);
        }

        _windowBytes += read;
        if (Environment.TickCount64 - _windowStart > slowTimeouts * timeout.TotalMilliseconds)
        {
            if (_windowBytes < slowBytes && read > 0)
            {
                throw new HubTransferException($"only {_windowBytes} bytes in {slowTimeouts * timeout.TotalSeconds:F0} s");
            }

            (_windowStart, _windowBytes) = (Environment.TickCount64, 0);
        }

        return read;
    }

    public void Dispose() => body.Dispose();
}
