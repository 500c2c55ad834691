using System.Net;
using System.Net.Http.Headers;

namespace Rm.Formats.Hub;

/// <summary>
/// Brings one blob into the cache: goes on where an earlier attempt, of this process or another, was cut off, and checks what arrived.
/// </summary>
internal sealed class BlobDownload(HubHttp http, HubSettings settings, HubCache cache, HubProgress progress)
{
    // So much must arrive in an attempt for the count of attempts to start again.
    private const int ProgressBytes = 1 << 20;
    private const int BufferBytes = 1 << 18;

    /// <param name="What">Repository and file, for messages.</param>
    /// <param name="Address">Where it is.</param>
    /// <param name="File">What the listing says of it.</param>
    /// <param name="Etag">Its name in the cache.</param>
    /// <param name="Size">Its bytes.</param>
    public sealed record Request(string What, Uri Address, HubFile File, string Etag, long Size);

    /// <summary>
    /// Fetches the blob unless it is there. Returns true when it was fetched. Throws <see cref="UserInputException"/> when it cannot be
    /// had, or is not what its name says.
    /// </summary>
    public async Task<bool> RunAsync(Request request, Func<HttpResponseMessage, UserInputException> refusal, CancellationToken stop)
    {
        string blob = Path.Combine(cache.Blobs, request.Etag);
        using CacheLock held =
            await CacheLock.AcquireAsync(cache.Lock(request.Etag), request.What, settings.Log, stop).ConfigureAwait(false);
        if (IsThere(blob, request.Size))
        {
            progress.Skip(request.Size);
            return false;
        }

        string partial = blob + ".incomplete";
        using var hash = new BlobHash(request.Etag, request.File, request.Size);
        await http.RetryAsync(request.What, async () =>
        {
            await AttemptAsync(request, partial, hash, refusal, stop).ConfigureAwait(false);
            return true;
        }, stop).ConfigureAwait(false);
        Publish(partial, blob, request.Size);
        return true;
    }

    private static bool IsThere(string blob, long size)
    {
        var info = new FileInfo(blob);
        return info.Exists && info.Length == size;
    }

    private async Task AttemptAsync(
        Request request, string partial, BlobHash hash, Func<HttpResponseMessage, UserInputException> refusal, CancellationToken stop)
    {
        using var file = new FileStream(
            partial, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0, FileOptions.Asynchronous);
        if (file.Length > request.Size)
        {
            file.SetLength(0);
        }

        await CatchUpAsync(file, hash, stop).ConfigureAwait(false);
        progress.Set(request.Etag, file.Position);
        if (file.Position < request.Size)
        {
            using HttpResponseMessage response =
                await http.SendAsync(HttpMethod.Get, request.Address, file.Position, (_, _) => true, stop).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                Restart(request, file, hash);
                throw new HubTransferException("the server does not have the rest of what was fetched before");
            }

            if (!response.IsSuccessStatusCode)
            {
                throw refusal(response);
            }

            if (file.Position > 0 && !GoesOn(response, file.Position))
            {
                Restart(request, file, hash);
            }

            await CopyAsync(request, response, file, hash, stop).ConfigureAwait(false);
        }

        if (!hash.IsRight())
        {
            Restart(request, file, hash);
            throw new HubTransferException("what arrived has another checksum than the hub says");
        }
    }

    // The partial file's bytes count, whoever wrote them; the checksum covers them.
    private static async Task CatchUpAsync(FileStream file, BlobHash hash, CancellationToken stop)
    {
        if (hash.Length > file.Length)
        {
            hash.Restart();
        }

        file.Position = hash.Length;
        byte[] buffer = new byte[BufferBytes];
        for (long left = file.Length - hash.Length; left > 0;)
        {
            int read = await file.ReadAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)), stop).ConfigureAwait(false);
            hash.Append(buffer.AsSpan(0, read));
            left = read > 0 ? left - read : 0;
        }
    }

    private async Task CopyAsync(Request request, HttpResponseMessage response, FileStream file, BlobHash hash, CancellationToken stop)
    {
        long start = file.Position;
        byte[] buffer = new byte[BufferBytes];
        try
        {
            using PacedReader body = await http.ReadBodyAsync(response, stop).ConfigureAwait(false);
            int read;
            while ((read = await body.ReadAsync(buffer, stop).ConfigureAwait(false)) > 0)
            {
                if (file.Position + read > request.Size)
                {
                    Restart(request, file, hash);
                    throw new HubTransferException($"more than the {request.Size} bytes that the hub says arrive");
                }

                await file.WriteAsync(buffer.AsMemory(0, read), stop).ConfigureAwait(false);
                hash.Append(buffer.AsSpan(0, read));
                progress.Set(request.Etag, file.Position);
            }
        }
        catch (HubTransferException e) when (file.Position - start >= ProgressBytes)
        {
            throw new HubTransferException(e.Message, e) { MadeProgress = true };
        }

        if (file.Position < request.Size)
        {
            throw new HubTransferException(
                $"only {file.Position} of {request.Size} bytes arrived")
            { MadeProgress = file.Position - start >= ProgressBytes };
        }
    }

    private void Restart(Request request, FileStream file, BlobHash hash)
    {
        file.SetLength(0);
        file.Position = 0;
        hash.Restart();
        progress.Set(request.Etag, 0);
    }

    private static bool GoesOn(HttpResponseMessage response, long position) =>
        response.StatusCode == HttpStatusCode.PartialContent
        && response.Content.Headers.ContentRange is ContentRangeHeaderValue { HasRange: true } range && range.From == position;

    // Where locks do not work (some network file systems), another process may have been first with the same bytes.
    private static void Publish(string partial, string blob, long size)
    {
        try
        {
            File.Move(partial, blob, overwrite: true);
        }
        catch (FileNotFoundException) when (IsThere(blob, size))
        {
        }
    }
}
