using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>
/// Compiled kernel images in a folder that any number of processes share. An entry is written under a name of its own, synced and renamed,
/// so that a reader sees a whole entry or none; it carries its key and a checksum, so that a damaged or foreign file is recognised,
/// removed and compiled anew. The least recently used entries go when the folder outgrows its bound. Nothing here fails a run:
/// a folder that cannot be used means compiling again.
/// </summary>
/// <remarks>Entry: 8 bytes magic, 32 key, 8 payload length (little endian), 32 SHA-256 of the payload, payload.</remarks>
internal sealed class KernelCache
{
    /// <summary>Bound of the folder unless told otherwise: many versions of all kernels for a few architectures.</summary>
    public const long DefaultMaxBytes = 512L << 20;

    private const string Extension = ".btrmk";
    private const string TemporaryExtension = ".tmp";
    private const int HeaderSize = 8 + KernelCacheKey.Size + 8 + SHA256.HashSizeInBytes;

    // A writer needs seconds; what is older was left by a killed process.
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly long _maxBytes;

    /// <summary>A cache in <paramref name="folder"/>, made when first written.</summary>
    public KernelCache(string folder, long maxBytes = DefaultMaxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBytes);
        Folder = Path.GetFullPath(folder);
        _maxBytes = maxBytes;
    }

    /// <summary>
    /// The user's: <c>kernels</c> below $XDG_CACHE_HOME/btrm or ~/.cache/btrm, on Windows %LOCALAPPDATA%\btrm.
    /// </summary>
    public static string DefaultFolder
    {
        get
        {
            string? root = OperatingSystem.IsWindows()
                ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
                : Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (string.IsNullOrEmpty(root) || !Path.IsPathFullyQualified(root))
            {
                string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
                root = Path.Combine(home.Length == 0 ? Path.GetTempPath() : home, ".cache");
            }

            return Path.Combine(root, "btrm", "kernels");
        }
    }

    /// <summary>Where the entries are.</summary>
    public string Folder { get; }

    /// <summary>
    /// The cache of this user: the one in <see cref="DefaultFolder"/>, or, where that has nothing and cannot be written (a read-only home),
    /// one below the folder for temporary files, so that the runs of a sweep do not each compile. There it must be this user's alone.
    /// </summary>
    public static KernelCache OfUser() => OfUser(DefaultFolder, Path.GetTempPath());

    internal static KernelCache OfUser(string folder, string temporary)
    {
        KernelCache cache = new(folder);

        // Whoever may write anywhere could be led into another user's folder.
        if (OperatingSystem.IsWindows() || cache.Measure().Entries != 0 || cache.IsWritable() || Environment.IsPrivilegedProcess)
        {
            return cache;
        }

        KernelCache spare = new(Path.Combine(temporary, $"btrm-kernels-{Environment.UserName}"));
        return spare.IsWritable() && File.GetUnixFileMode(spare.Folder) == Private ? spare : cache;
    }

    private static ReadOnlySpan<byte> Magic => "BTRMKC01"u8;

    /// <summary>Entries and their bytes; zeros when the folder is not there or not readable.</summary>
    public (int Entries, long Bytes) Measure()
    {
        FileInfo[] files = Files(Extension);
        return (files.Length, files.Sum(static file => file.Length));
    }

    /// <summary>Whether entries can be written; leaves nothing behind but, where it was missing, the folder.</summary>
    public bool IsWritable()
    {
        string path = Path.Combine(Folder, $"{Guid.NewGuid():N}{TemporaryExtension}");
        try
        {
            CreateFolder();
            using FileStream stream = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            return true;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The image of <paramref name="key"/>, or null when there is none that is whole and the right one.</summary>
    public byte[]? Read(KernelCacheKey key)
    {
        string path = PathOf(key);
        byte[]? entry = ReadFile(path);
        if (entry is null)
        {
            return null;
        }

        if (!IsIntact(entry, key))
        {
            Quietly(() => File.Delete(path));
            return null;
        }

        // Set by hand: most systems are mounted so that reading leaves the access time alone.
        Quietly(() => File.SetLastAccessTimeUtc(path, DateTime.UtcNow));
        return entry[HeaderSize..];
    }

    /// <summary>Stores <paramref name="image"/>; false when the folder cannot be written.</summary>
    /// <param name="key">What it was made from.</param>
    /// <param name="image">Its bytes.</param>
    /// <param name="log">What the compiler said, registers and spills among it: kept beside the entry, for people.</param>
    public bool Write(KernelCacheKey key, ReadOnlySpan<byte> image, string? log = null)
    {
        if (image.Length + (long)HeaderSize > _maxBytes)
        {
            return false;
        }

        string temporary = Path.Combine(Folder, $"{key}.{Guid.NewGuid():N}{TemporaryExtension}");
        try
        {
            CreateFolder();
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                stream.Write(Header(key, image));
                stream.Write(image);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, PathOf(key), overwrite: true);
            if (log is not null)
            {
                Quietly(() => File.WriteAllText(LogOf(PathOf(key)), log));
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            Quietly(() => File.Delete(temporary));
            return false;
        }

        Trim();
        return true;
    }

    private static byte[] Header(KernelCacheKey key, ReadOnlySpan<byte> image)
    {
        byte[] header = new byte[HeaderSize];
        Magic.CopyTo(header);
        key.Bytes.CopyTo(header.AsSpan(8));
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(8 + KernelCacheKey.Size), image.Length);
        SHA256.HashData(image, header.AsSpan(HeaderSize - SHA256.HashSizeInBytes));
        return header;
    }

    private static bool IsIntact(ReadOnlySpan<byte> entry, KernelCacheKey key) =>
        entry.Length >= HeaderSize && entry[..HeaderSize].SequenceEqual(Header(key, entry[HeaderSize..]));

    private static void Quietly(Action action)
    {
        try
        {
            action();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // Another process was faster, or the folder is read-only: the cache goes on without.
        }
    }

    private byte[]? ReadFile(string path)
    {
        try
        {
            FileInfo file = new(path);
            return file.Exists && file.Length <= _maxBytes ? File.ReadAllBytes(path) : null;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void CreateFolder()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(Folder);
        }
        else
        {
            // What is loaded into the GPU comes from here: nobody else may write it.
            Directory.CreateDirectory(Folder, Private);
        }
    }

    private void Trim()
    {
        DateTime now = DateTime.UtcNow;
        foreach (FileInfo file in Files(TemporaryExtension))
        {
            if (now - file.LastWriteTimeUtc > AbandonedAfter)
            {
                Quietly(file.Delete);
            }
        }

        FileInfo[] entries = Files(Extension);
        long bytes = entries.Sum(static file => file.Length);
        foreach (FileInfo file in entries.OrderBy(static file => file.LastAccessTimeUtc))
        {
            if (bytes <= _maxBytes)
            {
                break;
            }

            bytes -= file.Length;
            Quietly(file.Delete);
            Quietly(() => File.Delete(LogOf(file.FullName)));
        }
    }

    private FileInfo[] Files(string extension)
    {
        try
        {
            DirectoryInfo folder = new(Folder);
            return folder.Exists ? [.. folder.EnumerateFiles("*" + extension).Where(static file => file.Exists)] : [];
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string LogOf(string entry) => Path.ChangeExtension(entry, ".log");

    private string PathOf(KernelCacheKey key) => Path.Combine(Folder, key + Extension);
}
