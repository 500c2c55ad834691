using System.Security.Cryptography;

namespace Rm.Formats.Files;

/// <summary>Identifies a file by its bytes as they are stored, compressed or not.</summary>
/// <param name="Path">Path as the user gave it.</param>
/// <param name="Bytes">Size in bytes.</param>
/// <param name="Sha256">Lower-case hex hash.</param>
public sealed record FileFingerprint(string Path, long Bytes, string Sha256)
{
    /// <summary>The fingerprint of a file. Throws <see cref="UserInputException"/> when it cannot be read.</summary>
    public static FileFingerprint Of(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return new FileFingerprint(path, file.Length, Convert.ToHexStringLower(SHA256.HashData(file)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserInputException($"{path}: cannot be read ({e.Message}).", e);
        }
    }
}
