using System.Runtime.InteropServices;

namespace Rm.Formats.Files;

/// <summary>The real disk.</summary>
public sealed partial class DiskFileLayer : IFileLayer
{
    private const int BufferBytes = 1 << 16;

    private DiskFileLayer()
    {
    }

    /// <summary>The only instance: it has no state.</summary>
    public static DiskFileLayer Instance { get; } = new();

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Directory.Exists(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListDirectories(string path) =>
        Directory.Exists(path) ? [.. Directory.EnumerateDirectories(path).Select(entry => Path.GetFileName(entry)!)] : [];

    /// <inheritdoc/>
    public void CreateDirectory(string path) => Directory.CreateDirectory(path);

    /// <inheritdoc/>
    public Stream CreateFile(string path) => new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, BufferBytes);

    /// <inheritdoc/>
    public Stream OpenFile(string path) => new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, BufferBytes);

    /// <inheritdoc/>
    public void FlushToDisk(Stream stream) => ((FileStream)stream).Flush(flushToDisk: true);

    /// <inheritdoc/>
    public void FlushDirectory(string path)
    {
        // Windows has no such call; NTFS journals names by itself.
        if (!OperatingSystem.IsWindows())
        {
            Native.FlushDirectory(path);
        }
    }

    /// <inheritdoc/>
    public void RenameDirectory(string from, string to) => Directory.Move(from, to);

    /// <inheritdoc/>
    public bool TryExchangeDirectories(string first, string second) => OperatingSystem.IsLinux() && Native.TryExchange(first, second);

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <inheritdoc/>
    public long? FreeBytes(string path)
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    // What .NET does not offer: opening a folder to sync it, and the exchanging rename.
    private static partial class Native
    {
        private const int InvalidArgument = 22;
        private const int Interrupted = 4;
        private const int NotSupported = 95;
        private const int CurrentFolder = -100;
        private const uint Exchange = 2;

        public static void FlushDirectory(string path)
        {
            int descriptor = Open(path, 0);
            if (descriptor < 0)
            {
                throw Error(path);
            }

            try
            {
                while (Sync(descriptor) != 0)
                {
                    // Some network and FUSE file systems cannot sync a folder; then the rename is as durable as they make it.
                    switch (Marshal.GetLastPInvokeError())
                    {
                        case Interrupted:
                            continue;
                        case InvalidArgument or NotSupported:
                            return;
                        default:
                            throw Error(path);
                    }
                }
            }
            finally
            {
                _ = Close(descriptor);
            }
        }

        public static bool TryExchange(string first, string second)
        {
            try
            {
                // Any failure means that nothing was changed; the caller's other way reports an error that persists.
                return RenameAt2(CurrentFolder, first, CurrentFolder, second, Exchange) == 0;
            }
            catch (EntryPointNotFoundException)
            {
                return false; // a C library older than glibc 2.28
            }
        }

        private static IOException Error(string path)
        {
            int code = Marshal.GetLastPInvokeError();
            return new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(code)}", code);
        }

        [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
        private static partial int Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
        private static partial int Sync(int descriptor);

        [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
        private static partial int Close(int descriptor);

        [LibraryImport("libc", EntryPoint = "renameat2", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
        private static partial int RenameAt2(int fromFolder, string from, int toFolder, string to, uint flags);
    }
}
