namespace Rm.Formats.Tokenization;

/// <summary><c>Replace</c> of one character by another, a space by U+2581 usually.</summary>
internal sealed class ReplaceCharacterStep(char from, char to) : NormalizerStep
{
    /// <inheritdoc/>
    public override ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart, long limit)
    {
        if (!text.Contains(from))
        {
            return text;
        }

        char[] result = new char[text.Length];
        text.Replace(result, from, to);
        return result;
    }
}
