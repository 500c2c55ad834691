using System.Diagnostics;

namespace Rm.Formats.Hub;

/// <summary>
/// A lock file that the processes of a machine agree on. On Unix .NET takes flock, as the Python client does, so that both clients wait for
/// each other; the system frees it when its owner dies. The file stays: removing it would let two owners lock two files of one name.
/// </summary>
internal sealed class CacheLock : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // EWOULDBLOCK of Linux and macOS, ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION of Windows.
    private static readonly int[] Busy = [11, 35, unchecked((int)0x80070020), unchecked((int)0x80070021)];

    private readonly FileStream _file;

    private CacheLock(FileStream file) => _file = file;

    /// <summary>Waits for the lock; says so on <paramref name="log"/> when it takes long.</summary>
    public static async Task<CacheLock> AcquireAsync(string path, string what, TextWriter log, CancellationToken stop)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var options =
            new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            // Group members that share a cache must be able to lock too.
            options.UnixCreateMode =
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead;
        }

        long start = Stopwatch.GetTimestamp();
        bool announced = false;
        while (true)
        {
            try
            {
                return new CacheLock(new FileStream(path, options));
            }
            catch (IOException e) when (Array.IndexOf(Busy, e.HResult) >= 0)
            {
                if (!announced && Stopwatch.GetElapsedTime(start) > Patience)
                {
                    announced = true;
                    log.WriteLine($"{what}: waiting for another process that is fetching it ({path}).");
                }
            }

            await Task.Delay(Poll, stop).ConfigureAwait(false);
        }
    }

    public void Dispose() => _file.Dispose();
}
