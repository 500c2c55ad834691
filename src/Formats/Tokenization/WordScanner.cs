namespace Rm.Formats.Tokenization;

/// <summary>Finds the matches of a split pattern, one after another. Immutable.</summary>
internal abstract class WordScanner
{
    /// <summary>GPT-2, and <c>ByteLevel</c> with <c>use_regex</c>.</summary>
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Qwen2, Qwen2.5 and Qwen3.</summary>
    public const string QwenPattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Llama 3: as Qwen, with up to three digits together.</summary>
    public const string Llama3Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>A scanner for a regular expression: hand-written for the patterns above, interpreted otherwise.</summary>
    /// <exception cref="InvalidDataException">The pattern uses a construct that is not supported; the message names it.</exception>
    public static WordScanner For(string pattern) => pattern switch
    {
        Gpt2Pattern => new Gpt2Scanner(),
        QwenPattern => new LetterRunScanner(maxDigits: 1),
        Llama3Pattern => new LetterRunScanner(maxDigits: 3),
        _ => SplitRegex.Parse(pattern),
    };

    /// <summary>Work allowed for a text of this length: far above what any usual pattern takes, and a bound for the others.</summary>
    public static long BudgetFor(int length) => 100_000 + (256L * length);

    /// <summary>The first match at or after <paramref name="from"/>, never empty.</summary>
    /// <param name="text">Text without lone surrogates.</param>
    /// <param name="from">Where to search.</param>
    /// <param name="budget">Steps left for this text, see <see cref="BudgetFor"/>.</param>
    /// <param name="start">Where the match begins.</param>
    /// <param name="end">Where it ends, exclusive.</param>
    public abstract bool TryNext(ReadOnlySpan<char> text, int from, ref long budget, out int start, out int end);
}
