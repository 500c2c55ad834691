using System.Globalization;
using Instruction = Rm.Formats.Tokenization.SplitRegex.Instruction;
using Op = Rm.Formats.Tokenization.SplitRegex.Op;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Compiles the text of a pattern to the program of a <see cref="SplitRegex"/>, in one pass; anything unknown is refused by name.
/// </summary>
internal sealed class SplitRegexParser(string pattern)
{
    private const int MaxDepth = 16, MaxProgram = 4096, Unbounded = int.MaxValue;
    private int at;
    private int depth;
    private bool ignoreCase;

    /// <summary>The program. Instruction targets are absolute.</summary>
    /// <exception cref="InvalidDataException">
    /// The pattern is malformed, uses a construct that is not supported or matches the empty string.
    /// </exception>
    public Instruction[] Compile()
    {
        Fragment whole = ParseAlternatives();
        if (at < pattern.Length)
        {
            throw Unsupported("an unmatched ')'");
        }
        if (whole.CanBeEmpty)
        {
            throw Unsupported("a pattern that matches the empty string");
        }
        return [.. whole.Code, new Instruction(Op.Accept)];
    }

    private Fragment ParseAlternatives()
    {
        if (++depth > MaxDepth)
        {
            throw Unsupported("groups nested more than 16 deep");
        }
        Fragment result = ParseSequence();
        while (at < pattern.Length && pattern[at] == '|')
        {
            at++;
            Fragment other = ParseSequence();
            // fork 1, n+2; first; jump to the end; other. The first alternative wins, so the chain is built to the left.
            result = new Fragment(
                [
                    new Instruction(Op.Fork, 1, result.Code.Length + 2),
                    .. Shift(result.Code, 1),
                    new Instruction(Op.Jump, result.Code.Length + other.Code.Length + 2),
                    .. Shift(other.Code, result.Code.Length + 2),
                ],
                result.CanBeEmpty || other.CanBeEmpty);
        }
        depth--;
        return result;
    }

    private Fragment ParseSequence()
    {
        var code = new List<Instruction>();
        bool canBeEmpty = true;
        while (at < pattern.Length && pattern[at] is not ('|' or ')'))
        {
            Fragment item = ParseItem();
            code.AddRange(Shift(item.Code, code.Count));
            CheckSize(code);
            canBeEmpty &= item.CanBeEmpty;
        }
        return new Fragment(code, canBeEmpty);
    }

    private Fragment ParseItem()
    {
        int begin = at;
        Fragment? group = null;
        CharClass? single = null;
        switch (pattern[at])
        {
            case '(':
                group = ParseGroup(out bool isAssertion);
                if (isAssertion)
                {
                    return group;
                }
                break;
            case '[':
                single = ParseBracket();
                break;
            case '\\':
                single = ParseEscape(out int literal) ?? CharClass.Single(literal, ignoreCase);
                break;
            case '.':
                at++;
                single = CharClass.Single('\n', ignoreCase: false).Complement();
                break;
            case '^' or '$':
                throw Unsupported($"the anchor '{pattern[at]}'");
            case '*' or '+' or '?' or '{':
                throw Unsupported($"the quantifier '{pattern[at]}' without anything to repeat");
            default:
                single = CharClass.Single(NextScalar(), ignoreCase);
                break;
        }
        (int least, int most) = ParseQuantifier();
        if (single is not null)
        {
            return new Fragment([new Instruction(Op.Repeat, least, most, single)], least == 0);
        }
        if (group!.CanBeEmpty && (least, most) != (1, 1))
        {
            at = begin;
            throw Unsupported("a repeated group that can match the empty string");
        }
        return RepeatGroup(group, least, most);
    }

    private Fragment ParseGroup(out bool isAssertion)
    {
        at++;
        bool outerCase = ignoreCase;
        Op? assertion = null;
        if (Skip("?="))
        {
            assertion = Op.LookAhead;
        }
        else if (Skip("?!"))
        {
            assertion = Op.NegativeLookAhead;
        }
        else if (Skip("?i:"))
        {
            ignoreCase = true;
        }
        else if (Skip("?-i:"))
        {
            ignoreCase = false;
        }
        else if (!Skip("?:") && at < pattern.Length && pattern[at] == '?')
        {
            throw Unsupported($"the group '({pattern.AsSpan(at, Math.Min(3, pattern.Length - at))}'");
        }
        Fragment inner = ParseAlternatives();
        if (!Skip(")"))
        {
            throw Unsupported("a group without its ')'");
        }
        ignoreCase = outerCase;
        isAssertion = assertion is not null;
        return assertion is not { } op ? inner : new Fragment(
            [new Instruction(op, inner.Code.Length + 2), .. Shift(inner.Code, 1), new Instruction(Op.Accept)],
            true);
    }

    private static Fragment RepeatGroup(Fragment group, int least, int most)
    {
        var code = new List<Instruction>();
        for (int i = 0; i < least; i++)
        {
            code.AddRange(Shift(group.Code, code.Count));
            CheckSize(code);
        }
        if (most == Unbounded)
        {
            int start = code.Count;
            code.Add(new Instruction(Op.Fork, start + 1, start + group.Code.Length + 2));
            code.AddRange(Shift(group.Code, start + 1));
            code.Add(new Instruction(Op.Jump, start));
        }
        else
        {
            // Each optional copy may skip itself; what would follow then tries the next copy at the same place, which can only
            // find what the earlier one could have: harmless.
            for (int i = least; i < most; i++)
            {
                int start = code.Count;
                code.Add(new Instruction(Op.Fork, start + 1, start + group.Code.Length + 1));
                code.AddRange(Shift(group.Code, start + 1));
                CheckSize(code);
            }
        }
        return new Fragment(code, least == 0);
    }

    private (int Least, int Most) ParseQuantifier()
    {
        (int, int) result = (1, 1);
        if (at < pattern.Length && pattern[at] is '?' or '*' or '+' or '{')
        {
            result = pattern[at] switch
            {
                '?' => (0, 1),
                '*' => (0, Unbounded),
                '+' => (1, Unbounded),
                _ => ParseBounds(),
            };
            at++;
            if (at < pattern.Length && pattern[at] is '?' or '*' or '+' or '{')
            {
                throw Unsupported("a lazy, possessive or doubled quantifier");
            }
        }
        return result;
    }

    /// <summary>{n}, {n,} or {n,m}; stops on the closing brace.</summary>
    private (int Least, int Most) ParseBounds()
    {
        int close = pattern.IndexOf('}', at);
        string[] bounds = close < 0 ? [] : pattern[(at + 1)..close].Split(',');
        if (bounds.Length is < 1 or > 2 || !TryBound(bounds[0], out int least))
        {
            throw Unsupported("a malformed '{n,m}'");
        }
        int most = least;
        if (bounds.Length == 2 && bounds[1].Length == 0)
        {
            most = Unbounded;
        }
        else if (bounds.Length == 2 && !TryBound(bounds[1], out most))
        {
            throw Unsupported("a malformed '{n,m}'");
        }
        if (most < least || most == 0)
        {
            throw Unsupported("an empty range '{n,m}'");
        }
        at = close;
        return (least, most);

        static bool TryBound(string text, out int value) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= 1000;
    }

    private CharClass ParseBracket()
    {
        int begin = at++;
        bool negated = Skip("^");
        var ranges = new List<(int, int)>();
        var members = new List<CharClass>();
        for (bool first = true; ; first = false)
        {
            if (at >= pattern.Length)
            {
                at = begin;
                throw Unsupported("a '[' without its ']'");
            }
            if (pattern[at] == ']' && !first)
            {
                at++;
                return new CharClass(ranges: [.. ranges], members: [.. members], negated: negated, ignoreCase: ignoreCase);
            }
            if (pattern[at] is '[' or ']' || pattern.AsSpan(at).StartsWith("&&"))
            {
                throw Unsupported($"'{pattern[at]}' inside a character class");
            }
            CharClass? set = null;
            int low;
            if (pattern[at] == '\\')
            {
                set = ParseEscape(out low);
            }
            else
            {
                low = NextScalar();
            }
            if (set is not null)
            {
                members.Add(set);
                continue;
            }
            int high = low;
            if (at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] != ']')
            {
                at++;
                CharClass? end = null;
                if (pattern[at] == '\\')
                {
                    end = ParseEscape(out high);
                }
                else
                {
                    high = NextScalar();
                }
                if (end is not null || high == '[')
                {
                    throw Unsupported("a range that ends in a class");
                }
            }
            if (high < low)
            {
                throw Unsupported("a range whose end is before its start");
            }
            ranges.Add((low, high));
        }
    }

    /// <summary>The class of an escape, or null when it is the one character <paramref name="literal"/>.</summary>
    private CharClass? ParseEscape(out int literal)
    {
        literal = 0;
        at++;
        if (at >= pattern.Length)
        {
            throw Unsupported("a '\\' at the end");
        }
        char c = pattern[at++];
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
                return CharClass.Word;
            case 'W':
                return CharClass.Word.Complement();
            case 'p' or 'P':
                return ParseProperty(complement: c == 'P');
            case 'x' when Skip("{"):
                literal = ParseHex(Math.Max(0, pattern.IndexOf('}', at) - at));
                at++;
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
            _ => throw Unsupported($"the escape '\\{c}'"),
        };
        return null;
    }

    private CharClass ParseProperty(bool complement)
    {
        int close = pattern.IndexOf('}', at);
        if (!Skip("{") || close < 0)
        {
            throw Unsupported("a malformed '\\p{..}'");
        }
        complement ^= Skip("^");
        string name = pattern[at..close];
        uint mask = CharClass.CategoryMask(name);
        if (mask == 0)
        {
            throw Unsupported($"the property '\\p{{{name}}}'");
        }
        at = close + 1;
        var result = new CharClass(mask);
        return complement ? result.Complement() : result;
    }

    private int ParseHex(int digits)
    {
        if (digits is < 1 or > 6 || at + digits > pattern.Length
            || !int.TryParse(pattern.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            || value > 0x10FFFF)
        {
            throw Unsupported("a malformed hexadecimal escape");
        }
        at += digits;
        return value;
    }

    private int NextScalar()
    {
        int scalar = Scalars.At(pattern, at, out int length);
        at += length;
        return scalar;
    }

    private bool Skip(string text)
    {
        bool found = pattern.AsSpan(at).StartsWith(text, StringComparison.Ordinal);
        at += found ? text.Length : 0;
        return found;
    }

    private static IEnumerable<Instruction> Shift(Instruction[] code, int by) =>
        code.Select(i => i.Op is Op.Repeat or Op.Accept ? i : i with { A = i.A + by, B = i.Op == Op.Fork ? i.B + by : i.B });

    private static void CheckSize(List<Instruction> code)
    {
        if (code.Count > MaxProgram)
        {
            throw new InvalidDataException($"the split pattern compiles to more than {MaxProgram} instructions");
        }
    }

    private InvalidDataException Unsupported(string what)
    {
        string shown = pattern.Length <= 200 ? pattern : pattern[..200] + "...";
        return new InvalidDataException($"the split pattern has {what} at character {at + 1}, which is not supported: {shown}");
    }

    /// <summary>Code whose targets count from its own start.</summary>
    private sealed record Fragment
    {
        public Fragment(List<Instruction> code, bool canBeEmpty)
        {
            CheckSize(code);
            Code = [.. code];
            CanBeEmpty = canBeEmpty;
        }

        public Instruction[] Code { get; }

        public bool CanBeEmpty { get; }
    }
}
