using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary><c>Replace</c>: puts a text in the place of every match of a pattern.</summary>
/// <param name="pattern">The pattern.</param>
/// <param name="content">What takes the place of a match, word for word.</param>
internal sealed class ReplaceStep(WordScanner pattern, string content) : NormalizerStep
{
    /// <inheritdoc/>
    public override ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart, long limit)
    {
        long budget = WordScanner.BudgetFor(text.Length);
        if (!pattern.TryNext(text, 0, ref budget, out int start, out int end))
        {
            return text;
        }

        if (start == 0)
        {
            // Hugging Face aligns what it inserts with the last character of the match.
            Scalars.At(text, 0, out int first);
            atStart &= end == first && content.Length > 0;
        }

        var result = new StringBuilder(text.Length);
        int done = 0;
        do
        {
            result.Append(text[done..start]).Append(content);
            Normalizer.CheckLength(result.Length, limit);
            done = end;
        }
        while (pattern.TryNext(text, done, ref budget, out start, out end));
        return result.Append(text[done..]).ToString();
    }
}
