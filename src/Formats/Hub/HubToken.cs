namespace Rm.Formats.Hub;

/// <summary>Finds the access token: the environment first, then the file that a login wrote.</summary>
internal static class HubToken
{
    private const int MaxBytes = 1 << 16;

    /// <summary>
    /// The token, or null. Throws <see cref="UserInputException"/>, never with the token in it, when it cannot be sent as a header.
    /// </summary>
    public static string? Find(string? value, string file)
    {
        if (Clean(value) is { } token)
        {
            return Check(token, "HF_TOKEN");
        }

        try
        {
            if (!File.Exists(file))
            {
                return null;
            }

            return new FileInfo(file).Length > MaxBytes
                ? throw new UserInputException($"{file}: is too large for an access token. Log in again or remove it.")
                : Clean(File.ReadAllText(file)) is { } stored ? Check(stored, file) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserInputException($"{file}: the access token cannot be read ({e.Message}). Set HF_TOKEN, or remove the file.", e);
        }
    }

    private static string? Clean(string? text) => text?.Replace("\r", "", StringComparison.Ordinal)
        .Replace("\n", "", StringComparison.Ordinal).Trim() is { Length: > 0 } clean ? clean : null;

    private static string Check(string token, string source) => token.All(c => c is > ' ' and <= '~')
        ? token
        : throw new UserInputException(
            $"{source}: the access token holds characters that no token has. Copy it again from the hub's settings.");
}
