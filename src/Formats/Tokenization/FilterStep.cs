using System.Buffers;
using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>Drops characters, and turns some into spaces: <c>StripAccents</c> and <c>Nmt</c>.</summary>
internal sealed class FilterStep : NormalizerStep
{
    private readonly CharClass _dropped;
    private readonly CharClass _spaces;
    private readonly SearchValues<char> _plain; // the ASCII characters that stay as they are

    private FilterStep(CharClass dropped, CharClass spaces)
    {
        (_dropped, _spaces) = (dropped, spaces);
        _plain = SearchValues.Create(
            [.. Enumerable.Range(0, 128).Where(c => !dropped.Contains(c) && !spaces.Contains(c)).Select(c => (char)c)]);
    }

    /// <summary><c>StripAccents</c>: drops all marks, whatever they stand on.</summary>
    public static FilterStep StripAccents { get; } = new(new CharClass(ranges: ScalarRanges.Parse(CharacterData.Marks)), new CharClass());

    /// <summary><c>Nmt</c>: drops control characters; other kinds of white space become spaces.</summary>
    public static FilterStep Nmt { get; } = new(
        new CharClass(ranges: ScalarRanges.Parse("1-8 B E-1F 7F 8F 9F")),
        new CharClass(ranges: ScalarRanges.Parse("9 A C D 1680 200B-200F 2028 2029 2581 FEFF FFFD")));

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart, long limit)
    {
        StringBuilder? result = null;
        int first = text.IndexOfAnyExcept(_plain);
        for (int i = first < 0 ? text.Length : first, length; i < text.Length; i += length)
        {
            int scalar = Scalars.At(text, i, out length);
            bool drop = _dropped.Contains(scalar), space = !drop && _spaces.Contains(scalar);
            if (drop || space)
            {
                result ??= new StringBuilder().Append(text[..i]);
                atStart &= !(drop && result.Length == 0);
            }

            if (space)
            {
                result!.Append(' ');
            }
            else if (!drop)
            {
                result?.Append(text.Slice(i, length));
            }
        }

        return result is null ? text : result.ToString();
    }
}
