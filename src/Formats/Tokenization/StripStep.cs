namespace Rm.Formats.Tokenization;

/// <summary><c>Strip</c>: drops white space at the ends of a piece.</summary>
internal sealed class StripStep(bool left, bool right) : NormalizerStep
{
    /// <inheritdoc/>
    public override ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart, long limit)
    {
        int start = 0, end = text.Length;
        while (left && start < end && Scalars.IsWhiteSpace(text[start]))
        {
            start++;
        }

        while (right && end > start && Scalars.IsWhiteSpace(text[end - 1]))
        {
            end--;
        }

        atStart &= start == 0;
        return text[start..end];
    }
}
