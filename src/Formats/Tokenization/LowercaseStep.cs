using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary><c>Lowercase</c>: the lower case of every character by itself.</summary>
internal sealed class LowercaseStep : NormalizerStep
{
    private const char CapitalDotted = '\u0130'; // the one character whose lower case has two

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart, long limit)
    {
        if (Ascii.IsValid(text))
        {
            if (!text.ContainsAnyInRange('A', 'Z'))
            {
                return text;
            }

            char[] lowered = new char[text.Length];
            Ascii.ToLower(text, lowered, out _);
            return lowered;
        }

        char[] result = new char[text.Length + text.Count(CapitalDotted)];
        int at = 0;
        bool changed = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length)
            {
                var rune = new Rune(c, text[++i]);
                var small = Rune.ToLowerInvariant(rune);
                changed |= small != rune;
                at += small.EncodeToUtf16(result.AsSpan(at));
                continue;
            }

            char lower = c == CapitalDotted ? 'i' : char.ToLowerInvariant(c);
            changed |= lower != c;
            result[at++] = lower;
            if (c == CapitalDotted)
            {
                result[at++] = '\u0307';
            }
        }

        return changed ? result : text;
    }
}
