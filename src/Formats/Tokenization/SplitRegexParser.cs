using System.Globalization;
using Instruction = Rm.Formats.Tokenization.SplitRegex.Instruction;
using Op = Rm.Formats.Tokenization.SplitRegex.Op;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Compiles the text of a pattern to the program of a <see cref="SplitRegex"/>, in one pass, with the meaning that Oniguruma's default
/// (Ruby) syntax gives it; anything unknown is refused by name.
/// </summary>
internal sealed class SplitRegexParser
{
    private const int MaxDepth = 16, MaxLookBehind = 64, Unbounded = int.MaxValue;
    private readonly RegexCursor _cursor;
    private readonly CharClassParser _classes;
    private int _depth;
    private bool _ignoreCase;

    /// <summary>A parser for one pattern.</summary>
    public SplitRegexParser(string pattern)
    {
        _cursor = new RegexCursor(pattern);
        _classes = new CharClassParser(_cursor);
    }

    /// <summary>The program. Instruction targets are absolute.</summary>
    /// <exception cref="InvalidDataException">
    /// The pattern is malformed, uses a construct that is not supported or matches the empty string.
    /// </exception>
    public Instruction[] Compile()
    {
        RegexFragment whole = ParseAlternatives();
        if (!_cursor.AtEnd)
        {
            throw _cursor.Unsupported("an unmatched ')'");
        }

        if (whole.CanBeEmpty)
        {
            throw _cursor.Unsupported("a pattern that matches the empty string");
        }

        return [.. whole.Code, new Instruction(Op.Accept)];
    }

    private RegexFragment ParseAlternatives()
    {
        if (++_depth > MaxDepth)
        {
            throw _cursor.Unsupported("groups nested more than 16 deep");
        }

        bool outerCase = _ignoreCase;
        RegexFragment result = ParseSequence();
        while (_cursor.Skip("|"))
        {
            result = result.Or(ParseSequence());
        }

        _ignoreCase = outerCase;
        _depth--;
        return result;
    }

    private RegexFragment ParseSequence()
    {
        RegexFragment result = RegexFragment.Empty;
        while (!_cursor.AtEnd && _cursor.Next is not ('|' or ')'))
        {
            result = result.Then(ParseItem());
        }

        return result;
    }

    private RegexFragment ParseItem()
    {
        int begin = _cursor.At;
        if (ParseAssertion() is { } assertion)
        {
            return assertion;
        }

        RegexFragment item;
        switch (_cursor.Next)
        {
            case '(':
                item = ParseGroup(out bool isAssertion);
                if (isAssertion)
                {
                    return item;
                }

                break;
            case '[':
                item = RegexFragment.One(_classes.ParseBracket(_ignoreCase));
                break;
            case '\\':
                item = RegexFragment.One(_classes.ParseEscape(out int literal) ?? CharClass.Single(literal, _ignoreCase));
                break;
            case '.':
                _cursor.At++;
                item = RegexFragment.One(CharClass.Single('\n', ignoreCase: false).Complement());
                break;
            case '*' or '+' or '?' or '{':
                throw _cursor.Unsupported($"the quantifier '{_cursor.Next}' without anything to repeat");
            default:
                item = RegexFragment.One(CharClass.Single(_cursor.NextScalar(), _ignoreCase));
                break;
        }

        return ParseQuantifiers(item, begin);
    }

    /// <summary>An anchor or word boundary, or null when none comes next.</summary>
    private RegexFragment? ParseAssertion()
    {
        Op? op = _cursor.Next switch
        {
            '^' => Op.LineStart,
            '$' => Op.LineEnd,
            '\\' => (_cursor.Rest.Length > 1 ? _cursor.Rest[1] : '\0') switch
            {
                'b' => Op.WordBoundary,
                'B' => Op.NoWordBoundary,
                'A' => Op.TextStart,
                'z' => Op.TextEnd,
                'Z' => Op.LastLineEnd,
                _ => null,
            },
            _ => null,
        };
        if (op is null)
        {
            return null;
        }

        _cursor.At += _cursor.Next == '\\' ? 2 : 1;
        return RegexFragment.Assertion(op.Value);
    }

    private RegexFragment ParseGroup(out bool isAssertion)
    {
        _cursor.At++;
        Op? kind = null;
        bool outerCase = _ignoreCase;
        if (_cursor.Skip("?i:"))
        {
            _ignoreCase = true;
        }
        else if (_cursor.Skip("?-i:"))
        {
            _ignoreCase = false;
        }
        else if (_cursor.Rest.StartsWith("?i)") || _cursor.Rest.StartsWith("?-i)"))
        {
            // Holds to the end of the enclosing group, further alternatives included.
            _ignoreCase = _cursor.Rest[1] == 'i';
            _cursor.At += _ignoreCase ? 3 : 4;
            isAssertion = true; // no quantifier can follow
            return ParseAlternatives();
        }
        else
        {
            kind = ParseGroupKind();
        }

        RegexFragment inner = ParseAlternatives();
        if (!_cursor.Skip(")"))
        {
            throw _cursor.Unsupported("a group without its ')'");
        }

        _ignoreCase = outerCase;
        isAssertion = kind is not (null or Op.Atomic);
        if (kind is Op.LookBehind or Op.NegativeLookBehind && (inner.Least != inner.Most || inner.Most > MaxLookBehind))
        {
            throw _cursor.Unsupported("a look-behind of varying or great length");
        }

        return kind is { } op ? inner.Within(op) : inner;
    }

    private Op? ParseGroupKind()
    {
        ReadOnlySpan<(string Text, Op Kind)> kinds =
        [
            ("?=", Op.LookAhead), ("?!", Op.NegativeLookAhead), ("?<=", Op.LookBehind), ("?<!", Op.NegativeLookBehind), ("?>", Op.Atomic),
        ];
        foreach ((string text, Op kind) in kinds)
        {
            if (_cursor.Skip(text))
            {
                return kind;
            }
        }

        return _cursor.Skip("?:") || _cursor.Next != '?'
            ? null
            : throw _cursor.Unsupported($"the group '({_cursor.Rest[..Math.Min(3, _cursor.Rest.Length)]}'");
    }

    private RegexFragment ParseQuantifiers(RegexFragment item, int begin)
    {
        while (_cursor.Next is '?' or '*' or '+' or '{')
        {
            bool braces = _cursor.Next == '{';
            (int least, int most) = ParseBounds();
            bool lazy = _cursor.Next == '?' && !(braces && least == most), possessive = !braces && _cursor.Next == '+';
            if (lazy || possessive)
            {
                _cursor.At++;
            }

            if (item.CanBeEmpty)
            {
                _cursor.At = begin;
                throw _cursor.Unsupported("a repeated group that can match the empty string");
            }

            item = item.Repeat(least, most, lazy);
            item = possessive ? item.Within(Op.Atomic) : item;
            // {n,m}+ and {n}? are a quantifier of a quantifier in this syntax; with other signs nobody writes one.
            if (!braces && _cursor.Next is '?' or '*' or '+' or '{')
            {
                throw _cursor.Unsupported("a doubled quantifier");
            }
        }

        return item;
    }

    private (int Least, int Most) ParseBounds()
    {
        char sign = _cursor.Next;
        _cursor.At++;
        return sign switch
        {
            '?' => (0, 1),
            '*' => (0, Unbounded),
            '+' => (1, Unbounded),
            _ => ParseBraces(),
        };
    }

    /// <summary>{n}, {n,}, {,m} or {n,m}.</summary>
    private (int Least, int Most) ParseBraces()
    {
        int begin = _cursor.At - 1;
        string[] bounds = _cursor.Until('}')?.Split(',') ?? [];
        bool openBelow = bounds is ["", { Length: > 0 }];
        bool fine = TryBound(openBelow ? "0" : bounds.FirstOrDefault(), out int least);
        int most = least;
        if (bounds.Length == 2 && bounds[1].Length == 0)
        {
            most = Unbounded;
        }
        else if (bounds.Length == 2)
        {
            fine &= TryBound(bounds[1], out most);
        }

        if (!fine || bounds.Length is < 1 or > 2)
        {
            _cursor.At = begin;
            throw _cursor.Unsupported("a malformed '{n,m}'");
        }

        return most >= least && most > 0 ? (least, most) : throw _cursor.Unsupported("an empty range '{n,m}'");

        static bool TryBound(string? text, out int value) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= 1000;
    }
}
