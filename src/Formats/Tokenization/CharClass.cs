namespace Rm.Formats.Tokenization;

/// <summary>
/// A set of Unicode scalars, as a regular expression writes one: categories, ranges and nested sets, perhaps complemented.
/// </summary>
internal sealed class CharClass
{
    private const uint wordCategories = Scalars.Letters | Scalars.Marks | (1 << 8) | (1 << 9) | (1 << 18); // with Nd, Nl, Pc

    // Symbols (So) with the property Alphabetic: circled, squared and negative squared Latin letters.
    private static readonly (int First, int Last)[] alphabeticSymbols =
        [(0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)];

    private readonly uint categories; // bits of Scalars.CategoryBit
    private readonly (int First, int Last)[] ranges;
    private readonly bool disjoint = true;
    private readonly CharClass[] members;
    private readonly bool negated;
    private readonly bool ignoreCase;
    private readonly UInt128 ascii; // bit c: the class contains ASCII character c
    private readonly ulong[]?[] pages = new ulong[]?[256]; // [scalar >> 8], computed when first asked for

    /// <summary>The union of the three, or all else when <paramref name="negated"/>.</summary>
    public CharClass(
        uint categories = 0,
        (int First, int Last)[]? ranges = null,
        CharClass[]? members = null,
        bool negated = false,
        bool ignoreCase = false)
    {
        this.categories = categories;
        this.ranges = [.. (ranges ?? []).Order()];
        for (int i = 1; i < this.ranges.Length; i++)
        {
            disjoint &= this.ranges[i].First > this.ranges[i - 1].Last;
        }

        this.members = members ?? [];
        this.negated = negated;
        this.ignoreCase = ignoreCase;
        for (int c = 0; c < 128; c++)
        {
            ascii |= Compute(c) ? UInt128.One << c : 0;
        }
    }

    /// <summary><c>\s</c>: the property White_Space.</summary>
    public static CharClass WhiteSpace { get; } = new(Scalars.Separators, [('\t', '\r'), (0x85, 0x85)]);

    /// <summary><c>\d</c>: category Nd.</summary>
    public static CharClass Digit { get; } = new(1 << 8);

    /// <summary>
    /// <c>\w</c> of Oniguruma: <see cref="RegexWord"/> without join controls, but with the superscripts and fractions of Latin-1.
    /// </summary>
    public static CharClass Word { get; } = new(wordCategories, [.. alphabeticSymbols, (0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE)]);

    /// <summary><c>\w</c> of Oniguruma inside brackets, where those are missing.</summary>
    public static CharClass BracketWord { get; } = new(wordCategories, [.. alphabeticSymbols]);

    /// <summary><c>\w</c> of Rust's regex: Alphabetic, marks, decimal digits, connectors, join controls (UTS #18 annex C).</summary>
    public static CharClass RegexWord { get; } = new(wordCategories, [.. alphabeticSymbols, (0x200C, 0x200D)]);

    /// <summary>One character, or its case variants too.</summary>
    public static CharClass Single(int scalar, bool ignoreCase) => new(ranges: [(scalar, scalar)], ignoreCase: ignoreCase);

    /// <summary>All scalars outside this class.</summary>
    public CharClass Complement() => new(members: [this], negated: true);

    /// <summary>What is in both classes.</summary>
    public CharClass Intersect(CharClass other) => new(members: [Complement(), other.Complement()], negated: true);

    /// <summary>
    /// The class of <c>\p{name}</c>: a general category, or one of the scripts of <see cref="ScriptData"/>; null without one.
    /// </summary>
    public static CharClass? ForProperty(string name)
    {
        uint mask = CategoryMask(name);
        if (mask != 0)
        {
            return new CharClass(mask);
        }

        string[] items = ScalarRanges.Items(ScriptData.Ranges);
        int at = Array.FindIndex(items, item => item.Equals(name + ':', StringComparison.OrdinalIgnoreCase));
        IEnumerable<string> ranges = items.Skip(at + 1).TakeWhile(item => !item.EndsWith(':'));
        return at < 0 ? null : new CharClass(ranges: [.. ranges.Select(item => ScalarRanges.Range(item))]);
    }

    /// <summary>The category mask of a name such as <c>L</c> or <c>Lu</c>; 0 when there is none of that name.</summary>
    private static uint CategoryMask(string name) => name switch
    {
        "L" or "Letter" => Scalars.Letters,
        "M" or "Mark" => Scalars.Marks,
        "N" or "Number" => Scalars.Numbers,
        "Z" or "Separator" => Scalars.Separators,
        "C" or "Other" => (0b1111u << 14) | (1u << 29),
        "P" or "Punctuation" => 0b111_1111u << 18,
        "S" or "Symbol" => 0b1111u << 25,
        "Lu" => 1 << 0,
        "Ll" => 1 << 1,
        "Lt" => 1 << 2,
        "Lm" => 1 << 3,
        "Lo" => 1 << 4,
        "Mn" => 1 << 5,
        "Mc" => 1 << 6,
        "Me" => 1 << 7,
        "Nd" => 1 << 8,
        "Nl" => 1 << 9,
        "No" => 1 << 10,
        "Zs" => 1 << 11,
        "Zl" => 1 << 12,
        "Zp" => 1 << 13,
        "Cc" => 1 << 14,
        "Cf" => 1 << 15,
        "Co" => 1 << 17,
        "Pc" => 1 << 18,
        "Pd" => 1 << 19,
        "Ps" => 1 << 20,
        "Pe" => 1 << 21,
        "Pi" => 1 << 22,
        "Pf" => 1 << 23,
        "Po" => 1 << 24,
        "Sm" => 1 << 25,
        "Sc" => 1 << 26,
        "Sk" => 1 << 27,
        "So" => 1 << 28,
        _ => 0,
    };

    /// <summary>True when the class contains <paramref name="scalar"/>.</summary>
    public bool Contains(int scalar)
    {
        if (scalar < 128)
        {
            return ((ascii >> scalar) & 1) != 0;
        }

        if (scalar > char.MaxValue)
        {
            return Compute(scalar);
        }

        ulong[] page = pages[scalar >> 8] ?? BuildPage(scalar >> 8);
        return ((page[(scalar >> 6) & 3] >> (scalar & 63)) & 1) != 0;
    }

    private ulong[] BuildPage(int index)
    {
        ulong[] page = new ulong[4];
        for (int i = 0; i < 256; i++)
        {
            page[i >> 6] |= Compute((index << 8) + i) ? 1UL << (i & 63) : 0;
        }

        return pages[index] = page; // two threads may compute the same
    }

    private bool Compute(int scalar)
    {
        bool found = Holds(scalar);
        if (!found && ignoreCase)
        {
            foreach (int variant in CaseVariants(scalar))
            {
                found |= variant != scalar && Holds(variant);
            }
        }

        return found != negated;
    }

    private bool Holds(int scalar)
    {
        if (categories != 0 && (categories & Scalars.CategoryBit(scalar)) != 0)
        {
            return true;
        }

        if (InRanges(scalar))
        {
            return true;
        }

        foreach (CharClass member in members)
        {
            if (member.Contains(scalar))
            {
                return true;
            }
        }

        return false;
    }

    private bool InRanges(int scalar)
    {
        if (ranges.Length <= 8)
        {
            foreach ((int first, int last) in ranges)
            {
                if (scalar >= first && scalar <= last)
                {
                    return true;
                }
            }

            return false;
        }

        // The last range that begins at or before the scalar, and those before it that reach as far: ranges of a pattern may overlap.
        int at = Array.BinarySearch(ranges, (scalar, int.MaxValue));
        for (int i = (at < 0 ? ~at : at + 1) - 1; i >= 0; i--)
        {
            if (scalar <= ranges[i].Last)
            {
                return true;
            }

            if (disjoint)
            {
                break;
            }
        }

        return false;
    }

    /// <summary>What Unicode's simple case folding puts together, for the scripts with one-to-one case and the Latin exceptions.</summary>
    private static int[] CaseVariants(int scalar)
    {
        if (scalar > char.MaxValue || char.IsSurrogate((char)scalar))
        {
            return [];
        }

        int lower = char.ToLowerInvariant((char)scalar), upper = char.ToUpperInvariant((char)scalar);
        return lower switch
        {
            's' or 0x17F => ['s', 'S', 0x17F],
            'k' or 0x212A => ['k', 'K', 0x212A],
            0xE5 or 0x212B => [0xE5, 0xC5, 0x212B],
            _ => [lower, upper],
        };
    }
}
