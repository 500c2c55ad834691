using System.Globalization;

namespace Rm.Formats.Tokenization;

/// <summary>Reads the character classes of a split pattern: brackets with nested sets and intersections, escapes, properties.</summary>
internal sealed class CharClassParser(RegexCursor cursor)
{
    private const int MaxDepth = 16;
    private int _depth;

    /// <summary>A class in brackets; the cursor stands on the opening one.</summary>
    public CharClass ParseBracket(bool ignoreCase)
    {
        if (++_depth > MaxDepth)
        {
            throw cursor.Unsupported("character classes nested more than 16 deep");
        }

        int begin = cursor.At++;
        bool negated = cursor.Skip("^");
        CharClass? left = null; // what stands before the last &&
        var ranges = new List<(int, int)>();
        var members = new List<CharClass>();
        for (bool first = true; ; first = false)
        {
            if (cursor.AtEnd)
            {
                cursor.At = begin;
                throw cursor.Unsupported("a '[' without its ']'");
            }

            if (cursor.Next == ']' && !first)
            {
                cursor.At++;
                _depth--;
                CharClass all = Joined(left, ranges, members, ignoreCase);
                return negated ? all.Complement() : all;
            }

            if (cursor.Skip("&&"))
            {
                left = Joined(left, ranges, members, ignoreCase);
                ranges.Clear();
                members.Clear();
            }
            else if (cursor.Rest.StartsWith("[:"))
            {
                throw cursor.Unsupported("a POSIX bracket '[:'");
            }
            else if (cursor.Next == '[')
            {
                members.Add(ParseBracket(ignoreCase));
            }
            else if (cursor.Next == ']')
            {
                throw cursor.Unsupported("']' inside a character class");
            }
            else
            {
                ParseRange(ranges, members);
            }
        }
    }

    /// <summary>The class of an escape, or null when it is the one character <paramref name="literal"/>.</summary>
    public CharClass? ParseEscape(out int literal) => ParseEscape(CharClass.Word, out literal);

    private static CharClass Joined(CharClass? left, List<(int, int)> ranges, List<CharClass> members, bool ignoreCase)
    {
        var right = new CharClass(ranges: [.. ranges], members: [.. members], ignoreCase: ignoreCase);
        return left is null ? right : left.Intersect(right);
    }

    private void ParseRange(List<(int, int)> ranges, List<CharClass> members)
    {
        if (ParseMember(out int low) is { } set)
        {
            members.Add(set);
            return;
        }

        int high = low;
        if (cursor.Next == '-' && cursor.Rest.Length > 1 && cursor.Rest[1] != ']')
        {
            cursor.At++;
            if (cursor.Next == '[' || ParseMember(out high) is not null)
            {
                throw cursor.Unsupported("a range that ends in a class");
            }
        }

        if (high < low)
        {
            throw cursor.Unsupported("a range whose end is before its start");
        }

        ranges.Add((low, high));
    }

    private CharClass? ParseMember(out int literal)
    {
        if (cursor.Next == '\\')
        {
            return ParseEscape(CharClass.BracketWord, out literal);
        }

        literal = cursor.NextScalar();
        return null;
    }

    private CharClass? ParseEscape(CharClass word, out int literal)
    {
        literal = 0;
        cursor.At++;
        if (cursor.AtEnd)
        {
            throw cursor.Unsupported("a '\\' at the end");
        }

        char c = cursor.Next;
        cursor.At++;
        switch (c)
        {
            case 's':
                return CharClass.WhiteSpace;
            case 'S':
                return CharClass.WhiteSpace.Complement();
            case 'd':
                return CharClass.Digit;
            case 'D':
                return CharClass.Digit.Complement();
            case 'w':
                return word;
            case 'W':
                return word.Complement();
            case 'p' or 'P':
                return ParseProperty(complement: c == 'P');
            case 'x' when cursor.Skip("{"):
                literal = ParseHex(Math.Max(0, cursor.Rest.IndexOf('}')));
                cursor.At++;
                return null;
            case 'x':
                literal = ParseHex(2);
                return null;
            case 'u':
                literal = ParseHex(4);
                return null;
        }

        literal = c switch
        {
            'r' => '\r',
            'n' => '\n',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            _ when c < 128 && !char.IsAsciiLetterOrDigit(c) => c,
            _ => throw cursor.Unsupported($"the escape '\\{c}'"),
        };
        return null;
    }

    private CharClass ParseProperty(bool complement)
    {
        int begin = cursor.At;
        if (!cursor.Skip("{") || cursor.Until('}') is not { } name)
        {
            cursor.At = begin;
            throw cursor.Unsupported("a malformed '\\p{..}'");
        }

        bool inverted = name.StartsWith('^');
        if (CharClass.ForProperty(inverted ? name[1..] : name) is not { } result)
        {
            cursor.At = begin;
            throw cursor.Unsupported($"the property '\\p{{{name}}}'");
        }

        return complement != inverted ? result.Complement() : result;
    }

    private int ParseHex(int digits)
    {
        if (digits is < 1 or > 6 || digits > cursor.Rest.Length
            || !int.TryParse(cursor.Rest[..digits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            || value > 0x10FFFF)
        {
            throw cursor.Unsupported("a malformed hexadecimal escape");
        }

        cursor.At += digits;
        return value;
    }
}
