using System.Security.Cryptography;

namespace Rm.Formats.Files;

/// <summary>
/// Saves a folder so that, whatever stops the process or the machine, a reader finds the old folder complete or the new one complete.
/// The files are written into a temporary folder beside the target and synced; <see cref="Commit"/> renames it into place.
/// Use: Begin, Write for each file, optionally read the result back from <see cref="TemporaryPath"/>, Commit, Dispose.
/// Readers pass their path through <see cref="Resolve"/>.
/// </summary>
public sealed class DurableDirectory : IDisposable
{
    private readonly IFileLayer _files;
    private readonly string _parent;
    private readonly string _replacedPath;
    private readonly List<KeyValuePair<string, byte[]>> _digests = [];
    private readonly HashSet<string> _subfolders = new(StringComparer.Ordinal);
    private long _written;
    private bool _renamed;

    private DurableDirectory(string target, IFileLayer files)
    {
        TargetPath = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        _files = files;
        string name = Path.GetFileName(TargetPath);
        _parent = name.Length > 0
            ? Path.GetDirectoryName(TargetPath)!
            : throw new UserInputException($"{target}: a root folder cannot be saved to.");
        TemporaryPath = Path.Combine(_parent, SaveOwner.Current.TemporaryName(name));
        _replacedPath = Path.Combine(_parent, SaveOwner.Current.ReplacedName(name));
    }

    /// <summary>Absolute path of the folder that <see cref="Commit"/> puts in place.</summary>
    public string TargetPath { get; }

    /// <summary>Where the files lie until then.</summary>
    public string TemporaryPath { get; }

    /// <summary>Starts a save; parents are made. Throws <see cref="SaveFailedException"/>.</summary>
    public static DurableDirectory Begin(string target, IFileLayer? files = null)
    {
        var save = new DurableDirectory(target, files ?? DiskFileLayer.Instance);
        save.Guard("making the folder", () =>
        {
            save.RestoreReplaced();
            DeleteLeftover(save._files, save.TemporaryPath); // of an earlier process of the same id
            save._files.CreateDirectory(save.TemporaryPath);
        });
        return save;
    }

    /// <summary>
    /// Writes one file, "name" or "folder/name", and syncs it. <paramref name="expectedBytes"/>, where known, makes a full disk an error
    /// before the first byte, and the message exact. Throws <see cref="SaveFailedException"/>; what <paramref name="write"/> itself throws
    /// passes through.
    /// </summary>
    public void Write(string fileName, Action<Stream> write, long? expectedBytes = null)
    {
        if (!IsPlainName(fileName))
        {
            throw new ArgumentException($"\"{fileName}\" is not a plain file name", nameof(fileName));
        }

        string? subfolder = fileName.Contains('/', StringComparison.Ordinal)
            ? Path.Combine(TemporaryPath, Path.GetDirectoryName(fileName)!)
            : null;

        if (expectedBytes is { } needed && _files.FreeBytes(TemporaryPath) is { } free && free < needed)
        {
            throw DiskFull(fileName, needed, free, null);
        }

        long length = 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Guard($"writing {fileName}", () =>
        {
            if (subfolder is not null && _subfolders.Add(subfolder))
            {
                _files.CreateDirectory(subfolder);
            }

            using Stream stream = _files.CreateFile(Path.Combine(TemporaryPath, fileName));
            try
            {
                using var hashing = new HashingStream(stream, hash);
                write(hashing);
            }
            finally
            {
                length = stream.Position;
            }

            stream.Flush();
            _files.FlushToDisk(stream);
        }, e => DiskFull(fileName, expectedBytes is { } total ? total - length : null, _files.FreeBytes(TemporaryPath), e));
        _written += length;
        _digests.Add(new(fileName, hash.GetHashAndReset()));
    }

    /// <summary>True for the name of a file of a saved folder, perhaps with one folder before it: "name" or "folder/name".</summary>
    internal static bool IsPlainName(string name) =>
        name.Split('/') is { Length: 1 or 2 } parts
        && parts.All(part => part.Length > 0 && part is not ("." or "..") && part.AsSpan().IndexOfAny("\\:\0") < 0);

    /// <summary>
    /// Writes the checksums of all files so far, then reads every file back and compares. Throws <see cref="SaveFailedException"/> when a
    /// file does not read back as it was written.
    /// </summary>
    public void WriteChecksums()
    {
        Write(ChecksumFile.FileName, ChecksumFile.ToBytes(_digests));
        try
        {
            ChecksumFile.Verify(TemporaryPath);
        }
        catch (UserInputException e)
        {
            throw new SaveFailedException($"{TargetPath}: was not saved: {e.Message} The disk may be failing.", e);
        }
    }

    /// <summary>Writes one file from memory and syncs it.</summary>
    public void Write(string fileName, ReadOnlyMemory<byte> content) =>
        Write(fileName, stream => stream.Write(content.Span), content.Length);

    /// <summary>
    /// Puts the folder in place of the target, durably: when this returns, the new folder survives a power cut; when it throws, the old
    /// one is in place (or the new one, where only the last sync failed). Throws <see cref="SaveFailedException"/>.
    /// </summary>
    public void Commit()
    {
        Guard("putting it in place", () =>
        {
            foreach (string subfolder in _subfolders)
            {
                _files.FlushDirectory(subfolder);
            }

            _files.FlushDirectory(TemporaryPath);
            if (!_files.DirectoryExists(TargetPath))
            {
                _files.RenameDirectory(TemporaryPath, TargetPath);
                _renamed = true;
                _files.FlushDirectory(_parent);
                return;
            }

            bool exchanged = _files.TryExchangeDirectories(TemporaryPath, TargetPath);
            if (!exchanged)
            {
                RenameInTwoSteps();
            }

            _renamed = true;
            _files.FlushDirectory(_parent);
            TryCleanUp(() =>
            {
                if (exchanged)
                {
                    _files.DeleteDirectory(TemporaryPath);
                }
                else
                {
                    DiscardReplaced(_files, _replacedPath);
                }
            });
        });
    }

    /// <summary>Removes the temporary folder unless it was put in place.</summary>
    public void Dispose()
    {
        if (!_renamed)
        {
            TryCleanUp(() => _files.DeleteDirectory(TemporaryPath));
        }
    }

    /// <summary>
    /// The path to read a saved folder from: <paramref name="path"/> itself, or the previous folder beside it where a process was stopped
    /// between the two renames that some file systems need.
    /// </summary>
    public static string Resolve(string path, IFileLayer? files = null)
    {
        files ??= DiskFileLayer.Instance;
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (files.DirectoryExists(full) || Path.GetDirectoryName(full) is not { } parent)
        {
            return path;
        }

        return Replaced(files, parent, Path.GetFileName(full)) is { } old ? Path.Combine(parent, old) : path;
    }

    /// <summary>
    /// Removes what stopped processes left in <paramref name="folder"/>, and puts a folder back that one of them had moved aside. Call it
    /// before this process saves there. Temporary folders of other machines stay unless <paramref name="includeOtherHosts"/> says that
    /// nobody else writes here. Returns the names that were removed or put back. Throws <see cref="SaveFailedException"/>.
    /// </summary>
    public static IReadOnlyList<string> CleanStale(string folder, bool includeOtherHosts = false, IFileLayer? files = null) =>
        CleanStale(folder, includeOtherHosts, files ?? DiskFileLayer.Instance, SaveOwner.IsAlive);

    internal static IReadOnlyList<string> CleanStale(string folder, bool includeOtherHosts, IFileLayer files, Func<int, bool> isAlive)
    {
        var done = new List<string>();
        try
        {
            foreach (string entry in files.ListDirectories(folder))
            {
                if (!SaveOwner.TryParse(entry, out string? name, out SaveOwner owner) || !IsStale(owner))
                {
                    continue;
                }

                string target = Path.Combine(folder, name);
                if (entry.StartsWith(SaveOwner.ReplacedPrefix, StringComparison.Ordinal) && !files.DirectoryExists(target))
                {
                    files.RenameDirectory(Path.Combine(folder, entry), target);
                    files.FlushDirectory(folder);
                }
                else if (entry.StartsWith(SaveOwner.ReplacedPrefix, StringComparison.Ordinal))
                {
                    DiscardReplaced(files, Path.Combine(folder, entry));
                }
                else
                {
                    DeleteLeftover(files, Path.Combine(folder, entry));
                }

                done.Add(entry);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SaveFailedException($"{folder}: leftovers of an interrupted save cannot be removed: {e.Message}", e);
        }

        return done;

        // An id equal to our own is an earlier process's: in a container every run may have the same one.
        bool IsStale(SaveOwner owner) => owner.Host == SaveOwner.Current.Host
            ? owner.ProcessId == SaveOwner.Current.ProcessId || !isAlive(owner.ProcessId)
            : includeOtherHosts;
    }

    private static string? Replaced(IFileLayer files, string parent, string name) => files.ListDirectories(parent)
        .Where(entry => entry.StartsWith(SaveOwner.ReplacedPrefix, StringComparison.Ordinal)
            && SaveOwner.TryParse(entry, out string? target, out _) && target == name)
        .Order(StringComparer.Ordinal).FirstOrDefault();

    // A process that was stopped between the two renames left no target: its old folder goes back before a new save may replace it.
    private void RestoreReplaced()
    {
        if (!_files.DirectoryExists(TargetPath) && Replaced(_files, _parent, Path.GetFileName(TargetPath)) is { } old)
        {
            _files.RenameDirectory(Path.Combine(_parent, old), TargetPath);
            _files.FlushDirectory(_parent);
        }
    }

    // Where the file system cannot exchange two names. Between the renames only the ".old-" name is there: Resolve finds it.
    private void RenameInTwoSteps()
    {
        DiscardReplaced(_files, _replacedPath);
        _files.RenameDirectory(TargetPath, _replacedPath);
        try
        {
            _files.RenameDirectory(TemporaryPath, TargetPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _files.RenameDirectory(_replacedPath, TargetPath);
            throw;
        }
    }

    // Renamed first: a folder that is half deleted must not carry the ".old-" name, by which Resolve trusts it to be complete.
    private static void DiscardReplaced(IFileLayer files, string path)
    {
        string parent = Path.GetDirectoryName(path)!;
        if (!files.DirectoryExists(path) || !SaveOwner.TryParse(Path.GetFileName(path), out string? name, out _))
        {
            return;
        }

        string discarded = Path.Combine(parent, SaveOwner.Current.TemporaryName(name + ".discard"));
        DeleteLeftover(files, discarded);
        files.RenameDirectory(path, discarded);
        files.FlushDirectory(parent);
        files.DeleteDirectory(discarded);
    }

    // The process may have been stopped right after it exchanged this folder with the target. Until that is on the disk, a power cut
    // undoes it: then this is the target again, and must not be half deleted.
    private static void DeleteLeftover(IFileLayer files, string path)
    {
        if (files.DirectoryExists(path))
        {
            files.FlushDirectory(Path.GetDirectoryName(path)!);
            files.DeleteDirectory(path);
        }
    }

    private static void TryCleanUp(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The save itself is decided; CleanStale removes the folder later.
        }
    }

    private void Guard(string doing, Action action, Func<Exception, Exception>? onDiskFull = null)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not SaveFailedException)
        {
            throw onDiskFull is not null && SaveFailedException.IsDiskFull(e)
                ? onDiskFull(e)
                : new SaveFailedException($"{TargetPath}: saving failed while {doing}: {e.Message} An earlier save there is untouched.", e);
        }
    }

    private SaveFailedException DiskFull(string fileName, long? needed, long? free, Exception? cause) => new(
        $"{TargetPath}: the disk is full: {fileName} needs {(needed is { } n ? $"{n} more bytes" : "more space")}" +
        $"{(free is { } f ? $", {f} bytes are free" : "")}, after {_written} bytes of this save. " +
        "Free some space or save elsewhere. An earlier save there is untouched.", cause);
}
