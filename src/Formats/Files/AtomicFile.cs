namespace Rm.Formats.Files;

/// <summary>Writes one small file so that a reader finds the old or the new content, never a half.</summary>
public static class AtomicFile
{
    /// <summary>Writes beside the target, syncs and renames. Throws <see cref="SaveFailedException"/>.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string temporary = $"{path}.tmp-{Environment.ProcessId}";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new SaveFailedException($"{path}: cannot be written ({e.Message}).", e);
        }
    }

    /// <summary>
    /// Removes what writers that were killed left in a folder; nobody may be writing there. A folder that is not there has none.
    /// </summary>
    public static void RemoveLeftovers(string folder)
    {
        if (Directory.Exists(folder))
        {
            foreach (string file in Directory.EnumerateFiles(folder, "*.tmp-*"))
            {
                TryDelete(file);
            }
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failed write is what the user must hear about.
        }
    }
}
