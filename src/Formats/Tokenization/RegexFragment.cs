using Instruction = Rm.Formats.Tokenization.SplitRegex.Instruction;
using Op = Rm.Formats.Tokenization.SplitRegex.Op;

namespace Rm.Formats.Tokenization;

/// <summary>A part of a split pattern, compiled: instructions whose targets count from its own start, and how much text it takes.</summary>
internal sealed class RegexFragment
{
    private const int MaxProgram = 4096, Unbounded = int.MaxValue;

    private RegexFragment(IReadOnlyCollection<Instruction> code, int least, int most)
    {
        if (code.Count > MaxProgram)
        {
            throw new InvalidDataException($"the split pattern compiles to more than {MaxProgram} instructions");
        }

        (Code, Least, Most) = ([.. code], least, most);
    }

    /// <summary>Takes nothing and always matches.</summary>
    public static RegexFragment Empty { get; } = new([], 0, 0);

    /// <summary>The instructions.</summary>
    public Instruction[] Code { get; }

    /// <summary>Fewest characters that a match takes.</summary>
    public int Least { get; }

    /// <summary>Most characters that a match takes; <see cref="int.MaxValue"/> without a bound.</summary>
    public int Most { get; }

    /// <summary>True when a match may take no character.</summary>
    public bool CanBeEmpty => Least == 0;

    /// <summary>One character of a class.</summary>
    public static RegexFragment One(CharClass set) => new([new Instruction(Op.Repeat, 1, 1, set)], 1, 1);

    /// <summary>A condition on the place between two characters.</summary>
    public static RegexFragment Assertion(Op op) => new([new Instruction(op)], 0, 0);

    /// <summary>This, and <paramref name="next"/> behind it.</summary>
    public RegexFragment Then(RegexFragment next) =>
        new([.. Code, .. Shift(next.Code, Code.Length)], Added(Least, next.Least), Added(Most, next.Most));

    /// <summary>This, or else <paramref name="other"/>: fork; this; jump to the end; other.</summary>
    public RegexFragment Or(RegexFragment other) => new(
        [
            new Instruction(Op.Fork, 1, Code.Length + 2),
            .. Shift(Code, 1),
            new Instruction(Op.Jump, Code.Length + other.Code.Length + 2),
            .. Shift(other.Code, Code.Length + 2),
        ],
        Math.Min(Least, other.Least),
        Math.Max(Most, other.Most));

    /// <summary>This inside a look-around or an atomic group.</summary>
    public RegexFragment Within(Op op) => new(
        [new Instruction(op, Code.Length + 2, Most), .. Shift(Code, 1), new Instruction(Op.Accept)],
        op == Op.Atomic ? Least : 0,
        op == Op.Atomic ? Most : 0);

    /// <summary>This <paramref name="least"/> to <paramref name="most"/> times, as often as it can or, when lazy, as seldom.</summary>
    public RegexFragment Repeat(int least, int most, bool lazy)
    {
        int fewest = Multiplied(Least, least), longest = Multiplied(Most, most);
        if (!lazy && Code is [{ Op: Op.Repeat, A: 1, B: 1, Class: { } set }])
        {
            return new RegexFragment([new Instruction(Op.Repeat, least, most, set)], fewest, longest);
        }

        var code = new List<Instruction>();
        for (int i = 0; i < least; i++)
        {
            Append(code, Code);
        }

        if (most == Unbounded)
        {
            int start = code.Count;
            code.Add(Fork(start + 1, start + Code.Length + 2, lazy));
            Append(code, Code);
            code.Add(new Instruction(Op.Jump, start));
        }
        else
        {
            // Each optional copy may skip itself; what would follow then tries the next copy at the same place, which can only
            // find what the earlier one could have: harmless.
            for (int i = least; i < most; i++)
            {
                code.Add(Fork(code.Count + 1, code.Count + Code.Length + 1, lazy));
                Append(code, Code);
            }
        }

        return new RegexFragment(code, fewest, longest);
    }

    private static Instruction Fork(int into, int past, bool lazy) =>
        lazy ? new Instruction(Op.Fork, past, into) : new Instruction(Op.Fork, into, past);

    private static void Append(List<Instruction> code, Instruction[] more)
    {
        code.AddRange(Shift(more, code.Count));
        if (code.Count > MaxProgram)
        {
            throw new InvalidDataException($"the split pattern compiles to more than {MaxProgram} instructions");
        }
    }

    private static IEnumerable<Instruction> Shift(Instruction[] code, int by) => code.Select(i => i.Op switch
    {
        Op.Fork => i with { A = i.A + by, B = i.B + by },
        Op.Jump or Op.LookAhead or Op.NegativeLookAhead or Op.LookBehind or Op.NegativeLookBehind or Op.Atomic => i with { A = i.A + by },
        _ => i,
    });

    private static int Added(int a, int b) => (int)Math.Min(Unbounded, (long)a + b);

    private static int Multiplied(int a, int b) => (int)Math.Min(Unbounded, (long)a * b);
}
