namespace Rm.Host.Experiments;

/// <summary>Words as a POSIX shell reads them back.</summary>
internal static class ShellQuote
{
    /// <summary>One word.</summary>
    public static string Word(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "_-+=./:,@%".Contains(c, StringComparison.Ordinal))
        ? text
        : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>Words with blanks between them.</summary>
    public static string Join(IEnumerable<string> words) => string.Join(' ', words.Select(Word));
}
