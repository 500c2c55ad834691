namespace Rm.Formats.Tokenization;

/// <summary>A split pattern's text and how far it has been read.</summary>
internal sealed class RegexCursor(string pattern)
{
    /// <summary>Where to read on.</summary>
    public int At { get; set; }

    /// <summary>True when all has been read.</summary>
    public bool AtEnd => At >= pattern.Length;

    /// <summary>The next UTF-16 unit; zero at the end.</summary>
    public char Next => AtEnd ? '\0' : pattern[At];

    /// <summary>What is left.</summary>
    public ReadOnlySpan<char> Rest => pattern.AsSpan(At);

    /// <summary>Reads one scalar.</summary>
    public int NextScalar()
    {
        int scalar = Scalars.At(pattern, At, out int length);
        At += length;
        return scalar;
    }

    /// <summary>Passes over a text if it comes next.</summary>
    public bool Skip(string text)
    {
        bool found = Rest.StartsWith(text, StringComparison.Ordinal);
        At += found ? text.Length : 0;
        return found;
    }

    /// <summary>Reads up to <paramref name="end"/> and passes over it; null when it does not come.</summary>
    public string? Until(char end)
    {
        int length = Rest.IndexOf(end);
        if (length < 0)
        {
            return null;
        }

        string text = Rest[..length].ToString();
        At += length + 1;
        return text;
    }

    /// <summary>The error of a construct that is not supported.</summary>
    public InvalidDataException Unsupported(string what)
    {
        string shown = pattern.Length <= 200 ? pattern : pattern[..200] + "...";
        return new InvalidDataException($"the split pattern has {what} at character {At + 1}, which is not supported: {shown}");
    }
}
