using System.Security.Cryptography;
using System.Text;
using Rm.Formats;

namespace Rm.Host.Serving.Http;

/// <summary>
/// The key that requests must name as a bearer. Only its hash is kept, and hashes are compared in a time that does not depend on where they
/// differ.
/// </summary>
internal sealed class ApiKey
{
    private const int MaxFileBytes = 4096;
    private const string Scheme = "Bearer ";

    // Where vLLM asks for its key, whatever the rest of the path.
    private static readonly string[] Guarded = ["/v1", "/v2", "/inference", "/cohere"];

    private readonly byte[] _hash;

    private ApiKey(string key) => _hash = SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>Whether every path but /health and /ping asks, rather than those under /v1 and /v2 as in vLLM.</summary>
    public bool GuardsEverything { get; init; }

    /// <summary>Reads the first line of a file. Throws <see cref="UserInputException"/> when it holds no key.</summary>
    public static ApiKey Read(string path, bool guardsEverything) => new(ReadText(path)) { GuardsEverything = guardsEverything };

    /// <summary>The key itself, for a client.</summary>
    public static string ReadText(string path)
    {
        string key;
        try
        {
            var file = new FileInfo(path);
            key = file.Length <= MaxFileBytes ? File.ReadLines(path).FirstOrDefault("").Trim() : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserInputException($"--api-key-file {path}: cannot be read: {e.Message}", e);
        }

        return key.Length > 0 && key.All(c => c is > ' ' and <= '~')
            ? key
            : throw new UserInputException($"--api-key-file {path}: its first line must be the key, in printable ASCII without spaces.");
    }

    /// <summary>Whether a request must name the key.</summary>
    public bool Guards(string method, string path) => method != "OPTIONS"
        && (GuardsEverything
            ? path is not ("/health" or "/ping")
            : Array.Exists(Guarded, prefix =>
                path.StartsWith(prefix, StringComparison.Ordinal) && (path.Length == prefix.Length || path[prefix.Length] == '/')));

    /// <summary>Whether an Authorization header names it.</summary>
    public bool Matches(string? authorization)
    {
        if (authorization is null || !authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        byte[] given = SHA256.HashData(Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim()));
        return CryptographicOperations.FixedTimeEquals(given, _hash);
    }
}
