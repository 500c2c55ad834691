namespace Rm.Formats.Files;

/// <summary>
/// Every operation by which saves reach the disk. One seam, so that tests can fail or stop a save at each single step.
/// Implementations throw <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.
/// </summary>
public interface IFileLayer
{
    /// <summary>True when a folder of that name is there.</summary>
    bool DirectoryExists(string path);

    /// <summary>Names (not paths) of the folders in a folder; empty when it is not there.</summary>
    IReadOnlyList<string> ListDirectories(string path);

    /// <summary>Makes a folder and its parents.</summary>
    void CreateDirectory(string path);

    /// <summary>Opens a new, empty file for writing, in place of one of the same name.</summary>
    Stream CreateFile(string path);

    /// <summary>Opens a file for reading and writing; makes it when it is not there.</summary>
    Stream OpenFile(string path);

    /// <summary>Returns when what was written to a stream of this layer is on the disk itself.</summary>
    void FlushToDisk(Stream stream);

    /// <summary>Returns when the names in a folder (new, renamed or deleted) are on the disk itself.</summary>
    void FlushDirectory(string path);

    /// <summary>Renames a folder to a name in the same parent that is not taken.</summary>
    void RenameDirectory(string from, string to);

    /// <summary>Swaps the names of two folders in one step; false, with nothing changed, where the file system cannot.</summary>
    bool TryExchangeDirectories(string first, string second);

    /// <summary>Deletes a folder and all that is in it; nothing when it is not there.</summary>
    void DeleteDirectory(string path);

    /// <summary>Bytes free for this user on the file system of a folder; null when it cannot tell.</summary>
    long? FreeBytes(string path);
}
