using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Rm.Tests;

/// <summary>
/// Folders of golden files that the tree holds as archives, NAME.tar.br, for their size; the script tests/golden/scripts/pack.cs writes
/// them. The first test that wants golden files unpacks each archive into the folder NAME beside it, which git ignores, and again when the
/// archive changed.
/// </summary>
internal static class GoldenArchives
{
    private const string Extension = ".tar.br";

    // Beside an unpacked folder: the hash of the archive that it came from, written last.
    private const string StampExtension = ".unpacked";

    /// <summary>
    /// Unpacks what is not there yet and returns <paramref name="golden"/>. Several test programs may do so at the same time.
    /// </summary>
    public static string Unpack(string golden)
    {
        string[] archives = Under(golden);
        if (archives.Length > 0)
        {
            using FileStream held = Lock(Path.Combine(golden, ".lock"));
            foreach (string archive in archives)
            {
                UnpackOne(archive, FolderOf(archive));
            }
        }

        return golden;
    }

    /// <summary>All archives below a folder.</summary>
    public static string[] Under(string golden) =>
        Directory.Exists(golden) ? Directory.GetFiles(golden, "*" + Extension, SearchOption.AllDirectories) : [];

    /// <summary>Where an archive is unpacked.</summary>
    public static string FolderOf(string archive) => archive[..^Extension.Length];

    /// <summary>Names of the files that an archive holds, with forward slashes.</summary>
    public static IReadOnlyList<string> Names(string archive)
    {
        using BrotliStream content = new(File.OpenRead(archive), CompressionMode.Decompress);
        using TarReader reader = new(content);
        List<string> names = [];
        while (reader.GetNextEntry() is { } entry)
        {
            names.Add(entry.Name);
        }

        return names;
    }

    private static void UnpackOne(string archive, string folder)
    {
        string stamp = folder + StampExtension;
        string hash = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(archive)));
        if (File.Exists(stamp) && File.ReadAllText(stamp) == hash)
        {
            return;
        }

        // A folder without a stamp was not unpacked here: what somebody laid there stays, and GoldenFilesTests names it.
        if (File.Exists(stamp))
        {
            File.Delete(stamp);
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        Directory.CreateDirectory(folder);
        using (FileStream file = File.OpenRead(archive))
        using (BrotliStream content = new(file, CompressionMode.Decompress))
        {
            TarFile.ExtractToDirectory(content, folder, overwriteFiles: true);
        }

        File.WriteAllText(stamp, hash);
    }

    private static FileStream Lock(string path)
    {
        for (; ; )
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                Thread.Sleep(50);
            }
        }
    }
}
