// Packs folders of golden files: dotnet run tests/golden/scripts/pack.cs FOLDER...
// Each FOLDER below tests/golden becomes FOLDER.tar.br beside it, which the tree keeps; the folder itself stays for the tests, ignored by
// git. The same files give the same archive: names are sorted, and times and owners left out.
#:property PublishAot=false
#:property RestorePackagesWithLockFile=false
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

const int Window = 24; // the largest: 16 MB
foreach (string folder in args.Select(argument => Path.TrimEndingDirectorySeparator(Path.GetFullPath(argument))))
{
    using var packed = new MemoryStream();
    using (var writer = new TarWriter(packed, TarEntryFormat.Ustar, leaveOpen: true))
    {
        foreach (string file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(folder, file).Replace('\\', '/');
            using FileStream content = File.OpenRead(file);
            writer.WriteEntry(
                new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = content, ModificationTime = DateTimeOffset.UnixEpoch });
        }
    }

    byte[] plain = packed.ToArray(), compressed = new byte[BrotliEncoder.GetMaxCompressedLength(plain.Length)];
    if (!BrotliEncoder.TryCompress(plain, compressed, out int length, quality: 11, Window))
    {
        throw new InvalidOperationException($"{folder}: cannot be compressed.");
    }

    File.WriteAllBytes(folder + ".tar.br", compressed[..length]);

    // What is there is what the archive holds.
    File.WriteAllText(folder + ".unpacked", Convert.ToHexString(SHA256.HashData(compressed.AsSpan(0, length))));
    Console.WriteLine($"{folder}.tar.br: {plain.Length / 1e6:F1} MB in {length / 1e6:F1} MB");
}
