namespace Rm.Formats.Text;

/// <summary>Moves an index in a text off the middle of a surrogate pair, where text must not be cut.</summary>
internal static class TextBoundary
{
    /// <summary><paramref name="index"/>, or the one before it when it splits a character.</summary>
    public static int Before(string text, int index) => Splits(text, index) ? index - 1 : index;

    /// <summary><paramref name="index"/>, or the one after it when it splits a character.</summary>
    public static int After(string text, int index) => Splits(text, index) ? index + 1 : index;

    private static bool Splits(string text, int index) =>
        index > 0 && index < text.Length && char.IsHighSurrogate(text[index - 1]) && char.IsLowSurrogate(text[index]);
}
