namespace Rm.Formats.Tokenization;

/// <summary>
/// A regular expression of a <c>Split</c> pre-tokenizer, run by backtracking over Unicode scalars. The subset is what byte-level
/// tokenizers use, with Oniguruma's meaning; <c>System.Text.RegularExpressions</c> works on UTF-16 units and would misread letters
/// outside the basic plane. The choices are kept on the heap and every step is counted, so no pattern can overflow or hang.
/// </summary>
internal sealed class SplitRegex : WordScanner
{
    [ThreadStatic]
    private static Stack<Choice>? choicesOfThread;

    private readonly Instruction[] program;
    private readonly string pattern;
    private readonly CharClass? _first; // what every match begins with, where that is plain to see

    private SplitRegex(string pattern, Instruction[] program)
    {
        this.pattern = pattern;
        this.program = program;
        _first = program[0] is { Op: Op.Repeat, A: > 0 } start ? start.Class : null;
    }

    /// <summary>What an instruction does.</summary>
    internal enum Op
    {
        /// <summary>Matches A to B characters of the class, as many as it can, fewer on backtracking.</summary>
        Repeat,

        /// <summary>Goes to A, and to B on backtracking.</summary>
        Fork,

        /// <summary>Goes to A.</summary>
        Jump,

        /// <summary>The instructions that follow up to Accept must match here; then goes to A without moving.</summary>
        LookAhead,

        /// <summary>As <see cref="LookAhead"/>, when they must not match.</summary>
        NegativeLookAhead,

        /// <summary>As <see cref="LookAhead"/>, from B characters before.</summary>
        LookBehind,

        /// <summary>As <see cref="LookBehind"/>, when they must not match.</summary>
        NegativeLookBehind,

        /// <summary>The instructions that follow up to Accept must match; then goes to A behind them, and never back into them.</summary>
        Atomic,

        /// <summary>The start of the text or of a line that is not empty at its end.</summary>
        LineStart,

        /// <summary>The end of the text or of a line.</summary>
        LineEnd,

        /// <summary>The start of the text.</summary>
        TextStart,

        /// <summary>The end of the text.</summary>
        TextEnd,

        /// <summary>The end of the text, or the line end that closes it.</summary>
        LastLineEnd,

        /// <summary>Between a word character and another or an end of the text.</summary>
        WordBoundary,

        /// <summary>Not a <see cref="WordBoundary"/>.</summary>
        NoWordBoundary,

        /// <summary>The match is complete.</summary>
        Accept,
    }

    /// <summary>Compiles a pattern.</summary>
    /// <exception cref="InvalidDataException">A construct that is not supported; the message names it and its position.</exception>
    public static SplitRegex Parse(string pattern) => new(pattern, new SplitRegexParser(pattern).Compile());

    /// <summary>A pattern that matches <paramref name="text"/> literally.</summary>
    public static SplitRegex Literal(string text)
    {
        var program = new List<Instruction>();
        for (int i = 0; i < text.Length;)
        {
            program.Add(new Instruction(Op.Repeat, 1, 1, CharClass.Single(Scalars.At(text, i, out int length), ignoreCase: false)));
            i += length;
        }

        program.Add(new Instruction(Op.Accept));
        return new SplitRegex(text, [.. program]);
    }

    /// <summary>A pattern that matches one character of a class, or as many as stand together.</summary>
    public static SplitRegex OneOf(CharClass set, bool run) =>
        new("(a character class)", [new Instruction(Op.Repeat, 1, run ? int.MaxValue : 1, set), new Instruction(Op.Accept)]);

    /// <summary>A pattern that matches runs of one class, or of another.</summary>
    public static SplitRegex RunsOf(CharClass first, CharClass second) => new(
        "(two character classes)",
        [
            new Instruction(Op.Fork, 1, 3),
            new Instruction(Op.Repeat, 1, int.MaxValue, first),
            new Instruction(Op.Accept),
            new Instruction(Op.Repeat, 1, int.MaxValue, second),
            new Instruction(Op.Accept),
        ]);

    /// <inheritdoc/>
    public override bool TryNext(ReadOnlySpan<char> text, int from, ref long budget, out int start, out int end)
    {
        Stack<Choice> choices = choicesOfThread ??= new Stack<Choice>();
        for (start = from; start < text.Length;)
        {
            if (_first is null || _first.Contains(Scalars.At(text, start, out _)))
            {
                choices.Clear();
                end = Run(0, text, start, choices, ref budget);
                if (end > start)
                {
                    return true;
                }
            }

            Scalars.At(text, start, out int length);
            start += length;
        }

        end = start;
        return false;
    }

    /// <summary>Where a match of the instructions from <paramref name="pc"/> at <paramref name="at"/> ends, or -1.</summary>
    private int Run(int pc, ReadOnlySpan<char> text, int at, Stack<Choice> choices, ref long budget)
    {
        int floor = choices.Count;
        while (true)
        {
            if (--budget < 0)
            {
                throw new UserInputException(
                    $"The tokenizer's split pattern needs too much backtracking on a text of {text.Length} characters: {pattern}");
            }

            Instruction step = program[pc];
            bool alive = true;
            switch (step.Op)
            {
                case Op.Accept:
                    while (choices.Count > floor)
                    {
                        choices.Pop();
                    }

                    return at;
                case Op.Jump:
                    pc = step.A;
                    break;
                case Op.Fork:
                    choices.Push(new Choice(step.B, at, -1));
                    pc = step.A;
                    break;
                case Op.LookAhead:
                case Op.NegativeLookAhead:
                    alive = Run(pc + 1, text, at, choices, ref budget) >= 0 == (step.Op == Op.LookAhead);
                    pc = step.A;
                    break;
                case Op.LookBehind:
                case Op.NegativeLookBehind:
                    int from = Back(text, at, step.B);
                    alive = (from >= 0 && Run(pc + 1, text, from, choices, ref budget) == at) == (step.Op == Op.LookBehind);
                    pc = step.A;
                    break;
                case Op.Atomic:
                    int behind = Run(pc + 1, text, at, choices, ref budget);
                    alive = behind >= 0;
                    at = behind;
                    pc = step.A;
                    break;
                case Op.Repeat:
                    alive = Repeat(step, ref pc, text, ref at, choices, ref budget);
                    break;
                default:
                    alive = Holds(step.Op, text, at);
                    pc++;
                    break;
            }

            if (!alive)
            {
                if (choices.Count == floor)
                {
                    return -1;
                }

                Choice choice = choices.Pop();
                pc = choice.Pc;
                at = choice.At;
                if (choice.Least >= 0)
                {
                    at = Scalars.Before(text, at);
                    if (at > choice.Least)
                    {
                        choices.Push(choice with { At = at });
                    }
                }
            }
        }
    }

    private static bool Holds(Op assertion, ReadOnlySpan<char> text, int at) => assertion switch
    {
        Op.LineStart => at == 0 || (at < text.Length && text[at - 1] == '\n'),
        Op.LineEnd => at == text.Length || text[at] == '\n',
        Op.TextStart => at == 0,
        Op.TextEnd => at == text.Length,
        Op.LastLineEnd => at == text.Length || (at == text.Length - 1 && text[at] == '\n'),
        _ => IsBoundary(text, at) == (assertion == Op.WordBoundary),
    };

    private static bool IsBoundary(ReadOnlySpan<char> text, int at)
    {
        bool before = at > 0 && CharClass.Word.Contains(Scalars.At(text, Scalars.Before(text, at), out _));
        return before != (at < text.Length && CharClass.Word.Contains(Scalars.At(text, at, out _)));
    }

    /// <summary>Where the text is <paramref name="count"/> characters earlier, or -1 before its start.</summary>
    private static int Back(ReadOnlySpan<char> text, int at, int count)
    {
        for (; count > 0 && at > 0; count--)
        {
            at = Scalars.Before(text, at);
        }

        return count > 0 ? -1 : at;
    }

    private static bool Repeat(
        Instruction step, ref int pc, ReadOnlySpan<char> text, ref int at, Stack<Choice> choices, ref long budget)
    {
        int least = step.A == 0 ? at : -1;
        for (int taken = 0; taken < step.B && at < text.Length && step.Class!.Contains(Scalars.At(text, at, out int length)); budget--)
        {
            at += length;
            if (++taken == step.A)
            {
                least = at;
            }
        }

        if (least < 0)
        {
            return false;
        }

        pc++;
        if (at > least)
        {
            choices.Push(new Choice(pc, at, least));
        }

        return true;
    }

    /// <summary>One instruction; <paramref name="A"/> and <paramref name="B"/> are targets, or the bounds of a repetition.</summary>
    internal readonly record struct Instruction(Op Op, int A = 0, int B = 0, CharClass? Class = null);

    /// <summary>
    /// Where to go on after a failure: at <paramref name="At"/>, or one character before it but not before <paramref name="Least"/>.
    /// </summary>
    private readonly record struct Choice(int Pc, int At, int Least);
}
