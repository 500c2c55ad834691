using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// <c>ByteLevel</c>: perhaps a space in front, perhaps GPT-2's pattern. As the last step it leaves the bytes to the encoder; otherwise the
/// steps behind it see every byte as a character of <see cref="ByteAlphabet"/>.
/// </summary>
internal sealed class ByteLevelStep(bool addPrefixSpace, bool useRegex, bool isLast) : PreTokenizerStep
{
    private static readonly Gpt2Scanner scanner = new();

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<char> piece, bool atStart, PreTokenizer owner, int next, IWordSink sink)
    {
        if (addPrefixSpace && piece[0] != ' ')
        {
            piece = string.Concat(" ", piece);
        }

        if (!useRegex)
        {
            owner.Run(next, Spelled(piece), atStart, sink);
            return;
        }

        long budget = long.MaxValue;
        for (int at = 0; scanner.TryNext(piece, at, ref budget, out int start, out int end); at = end)
        {
            owner.Run(next, Spelled(piece[start..end]), atStart && start == 0, sink);
        }
    }

    private ReadOnlySpan<char> Spelled(ReadOnlySpan<char> word)
    {
        if (isLast)
        {
            return word;
        }

        byte[] utf8 = new byte[Encoding.UTF8.GetByteCount(word)];
        Encoding.UTF8.GetBytes(word, utf8);
        return ByteAlphabet.Spell(utf8);
    }
}
