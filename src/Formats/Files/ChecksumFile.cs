using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Rm.Formats.Files;

/// <summary>
/// The checksums of a folder's files, in the form that the program <c>sha256sum</c> reads: 64 hexadecimal digits, two spaces, the name.
/// </summary>
public static class ChecksumFile
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "SHA256SUMS";

    private const int DigestCharacters = 64;
    private const int MostBytes = 1 << 20;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    /// <summary>The file's content.</summary>
    /// <param name="digests">File names with their SHA-256.</param>
    internal static byte[] ToBytes(IEnumerable<KeyValuePair<string, byte[]>> digests) => Encoding.UTF8.GetBytes(
        string.Concat(digests.Select(entry => $"{Convert.ToHexStringLower(entry.Value)}  {entry.Key}\n")));

    /// <summary>
    /// Reads every listed file and compares. A folder without the list, as older versions and other programs write, passes. Throws
    /// <see cref="UserInputException"/> naming the first file that differs or is missing.
    /// </summary>
    public static void Verify(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return;
        }

        try
        {
            if (new FileInfo(path).Length > MostBytes)
            {
                throw new UserInputException($"{path}: is not a list of checksums. The checkpoint is damaged.");
            }

            int line = 0;
            foreach (string entry in File.ReadLines(path))
            {
                (byte[] digest, string name) = Parse(entry, $"{path}: line {++line}");
                using FileStream file = File.OpenRead(Path.Combine(folder, name));
                if (!SHA256.HashData(file).AsSpan().SequenceEqual(digest))
                {
                    throw new UserInputException(
                        $"{Path.Combine(folder, name)}: is not what was saved: its SHA-256 differs from {FileName}.");
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserInputException($"{folder}: cannot be checked against {FileName} ({e.Message}).", e);
        }
    }

    private static (byte[] Digest, string Name) Parse(string entry, string where)
    {
        const string Separator = "  ";
        if (entry.Length > DigestCharacters + Separator.Length
            && entry.AsSpan(0, DigestCharacters).IndexOfAnyExcept(Digits) < 0
            && entry.AsSpan(DigestCharacters).StartsWith(Separator)
            && entry[(DigestCharacters + Separator.Length)..] is var name
            && DurableDirectory.IsPlainName(name))
        {
            return (Convert.FromHexString(entry.AsSpan(0, DigestCharacters)), name);
        }

        throw new UserInputException($"{where} is not a checksum with a file name. The checkpoint is damaged.");
    }
}
