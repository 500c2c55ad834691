namespace Rm.Formats.Tokenization;

/// <summary>The normalizers of a tokenizer, in their order; none at all for most byte-level tokenizers.</summary>
internal sealed class Normalizer(IReadOnlyList<NormalizerStep> steps)
{
    /// <summary>Most steps that a file may have.</summary>
    public const int MaxSteps = 64;

    /// <summary>Changes nothing.</summary>
    public static Normalizer None { get; } = new([]);

    /// <summary>True when nothing can change.</summary>
    public bool IsNone => steps.Count == 0;

    /// <summary>The normalized text. An empty text stays empty.</summary>
    /// <param name="text">Text without lone surrogates.</param>
    /// <param name="atStart">As in <see cref="NormalizerStep.Apply"/>.</param>
    /// <exception cref="UserInputException">The steps multiply the text beyond all use.</exception>
    public ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart)
    {
        // No Unicode form makes a text longer than 18 times; what does is a chain of replacements in a damaged file.
        long limit = Math.Min(1 << 29, 65536 + (64L * text.Length));
        foreach (NormalizerStep step in steps)
        {
            if (text.IsEmpty)
            {
                break;
            }

            text = step.Apply(text, ref atStart, limit);
            CheckLength(text.Length, limit);
        }

        return text;
    }

    /// <summary>The normalized form of an added token's text.</summary>
    public string Apply(string text)
    {
        bool atStart = true;
        return Apply(text, ref atStart).ToString();
    }

    /// <summary>Refuses a text that has grown too long.</summary>
    /// <exception cref="UserInputException">It has.</exception>
    internal static void CheckLength(long length, long limit)
    {
        if (length > limit)
        {
            throw new UserInputException(
                $"The tokenizer's normalizer makes a text longer than {limit} characters; "
                + "its replacements are not those of a real tokenizer.");
        }
    }
}
