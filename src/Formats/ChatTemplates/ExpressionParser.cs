namespace Rm.Formats.ChatTemplates;

/// <summary>Expressions, loosest first: if-else, or, and, not, comparisons, + -, ~, * / // %, **, unary, then the other file.</summary>
internal sealed partial class ExpressionParser(TokenStream stream)
{
    private static readonly HashSet<string> Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>Sets that want to know every variable read while they are here; see <see cref="MacroDefinition"/>.</summary>
    public List<HashSet<string>> Readers { get; } = [];

    /// <summary>Filters and tests in use that do not exist, with their places.</summary>
    public List<(int Offset, string Message)> Unknown { get; } = [];

    public Expression Parse(bool withConditional = true)
    {
        stream.Enter();
        Expression expression = withConditional ? ParseConditional() : ParseOr();
        stream.Leave();
        return expression;
    }

    /// <summary>One expression, or a tuple of several without brackets; <paramref name="end"/> is a name that ends it.</summary>
    public Expression ParseTuple(bool withConditional = true, string? end = null, bool inParentheses = false)
    {
        var items = new List<Expression>();
        while (!IsTupleEnd(end))
        {
            items.Add(Parse(withConditional));
            if (!stream.SkipOperator(","))
            {
                if (items.Count == 1)
                {
                    return items[0];
                }

                break;
            }
        }

        return items.Count > 0 || inParentheses ? new SequenceExpression(items, isTuple: true) : throw stream.Unexpected("an expression");
    }

    public ArgumentList ParseArguments()
    {
        stream.ExpectOperator("(");
        var positional = new List<Expression>();
        var keywords = new List<(string, Expression)>();
        Expression? spread = null, keywordSpread = null;
        while (!stream.Current.IsOperator(")"))
        {
            bool isValid = keywordSpread is null;
            if (stream.SkipOperator("*"))
            {
                isValid &= spread is null;
                spread = Parse();
            }
            else if (stream.SkipOperator("**"))
            {
                keywordSpread = Parse();
            }
            else if (stream.Current.Kind == TokenKind.Name && stream.Following.IsOperator("="))
            {
                string name = stream.Take().Text;
                stream.Take();
                keywords.Add((name, Parse()));
            }
            else
            {
                isValid &= spread is null && keywords.Count == 0;
                positional.Add(Parse());
            }

            if (!isValid)
            {
                throw stream.Error("the arguments of this call are in an impossible order");
            }

            if (!stream.Current.IsOperator(")"))
            {
                stream.ExpectOperator(",");
            }
        }

        stream.Take();
        return new ArgumentList(positional, keywords, spread, keywordSpread);
    }

    /// <summary>
    /// Filters on <paramref name="value"/>, which is null for the text of a block; <paramref name="isInline"/> when the first name
    /// comes without its bar.
    /// </summary>
    public FilterExpression? ParseFilters(Expression? value, bool isInline = false)
    {
        FilterExpression? filter = null;
        for (int depth = 0; isInline || stream.SkipOperator("|"); isInline = false, depth++)
        {
            CheckChain(depth);
            int offset = stream.Current.Offset;
            string name = ParseDottedName();
            if (FilterTable.Find(name) is null)
            {
                Unknown.Add((offset, $"no filter named '{name}'"));
            }

            ArgumentList arguments = stream.Current.IsOperator("(") ? ParseArguments() : ArgumentList.Empty;
            filter = new FilterExpression(filter ?? value, name, arguments);
        }

        return filter;
    }

    private Expression ParseConditional()
    {
        int start = Unknown.Count;
        Expression value = ParseOr();
        for (int depth = 0; stream.SkipName("if"); depth++)
        {
            CheckChain(depth);
            Expression condition = ParseOr();
            Expression? otherwise = stream.SkipName("else") ? Parse() : null;
            value = new ConditionalExpression(condition, value, otherwise);

            // Inside a conditional an unknown filter matters only when it is reached.
            Unknown.RemoveRange(start, Unknown.Count - start);
        }

        return value;
    }

    private Expression ParseOr()
    {
        Expression left = ParseAnd();
        for (int depth = 0; stream.SkipName("or"); depth++)
        {
            CheckChain(depth);
            left = new LogicalExpression(isAnd: false, left, ParseAnd());
        }

        return left;
    }

    private Expression ParseAnd()
    {
        Expression left = ParseNot();
        for (int depth = 0; stream.SkipName("and"); depth++)
        {
            CheckChain(depth);
            left = new LogicalExpression(isAnd: true, left, ParseNot());
        }

        return left;
    }

    private Expression ParseNot()
    {
        if (!stream.SkipName("not"))
        {
            return ParseComparison();
        }

        stream.Enter();
        Expression operand = ParseNot();
        stream.Leave();
        return new NotExpression(operand);
    }

    private Expression ParseComparison()
    {
        Expression first = ParseSum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            if (stream.Current.Kind == TokenKind.Operator && Comparisons.Contains(stream.Current.Text))
            {
                string symbol = stream.Take().Text;
                rest.Add((symbol, ParseSum()));
            }
            else if (stream.SkipName("in"))
            {
                rest.Add(("in", ParseSum()));
            }
            else if (stream.Current.IsName("not") && stream.Following.IsName("in"))
            {
                stream.Take();
                stream.Take();
                rest.Add(("not in", ParseSum()));
            }
            else
            {
                return rest.Count == 0 ? first : new CompareExpression(first, rest);
            }
        }
    }

    private Expression ParseSum() => ParseBinary(ParseConcatenation, ["+", "-"]);

    private Expression ParseConcatenation()
    {
        var parts = new List<Expression> { ParseProduct() };
        while (stream.SkipOperator("~"))
        {
            parts.Add(ParseProduct());
        }

        return parts.Count == 1 ? parts[0] : new ConcatenateExpression(parts);
    }

    private Expression ParseProduct() => ParseBinary(ParsePower, ["*", "/", "//", "%"]);

    private Expression ParsePower() => ParseBinary(() => ParseUnary(withFilter: true), ["**"]);

    private Expression ParseBinary(Func<Expression> operand, ReadOnlySpan<string> symbols)
    {
        Expression left = operand();
        for (int depth = 0; stream.Current.Kind == TokenKind.Operator && symbols.Contains(stream.Current.Text); depth++)
        {
            CheckChain(depth);
            string symbol = stream.Take().Text;
            left = new BinaryExpression(symbol, left, operand());
        }

        return left;
    }

    private Expression ParseUnary(bool withFilter)
    {
        Expression value;
        if (stream.Current.IsOperator("-") || stream.Current.IsOperator("+"))
        {
            stream.Enter();
            value = new SignExpression(stream.Take().Text == "-", ParseUnary(withFilter: false));
            stream.Leave();
        }
        else
        {
            value = ParsePrimary();
        }

        return ParsePostfix(value, withFilter);
    }

    private string ParseDottedName()
    {
        string name = stream.ExpectName();
        while (stream.SkipOperator("."))
        {
            name += "." + stream.ExpectName();
        }

        return name;
    }

    private bool IsTupleEnd(string? end) => stream.Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd
        || stream.Current.IsOperator(")") || (end is not null && stream.Current.IsName(end));

    /// <summary>A chain of operators is a tree as deep as it is long, and is evaluated to that depth.</summary>
    private void CheckChain(int depth)
    {
        if (depth > TemplateLimits.EvaluationDepth / 2)
        {
            throw stream.Error($"more than {TemplateLimits.EvaluationDepth / 2} operators follow each other");
        }
    }

    /// <summary>The value of a name that is a literal, else null.</summary>
    public static object? Constant(string name) => name switch
    {
        "true" or "True" => PythonTypes.Box(true),
        "false" or "False" => PythonTypes.Box(false),
        "none" or "None" => PyNone.Value,
        _ => null,
    };
}
