namespace Rm.Formats.ChatTemplates;

/// <summary>Statements: text, <c>{{ }}</c> and <c>{% %}</c>.</summary>
internal sealed class TemplateParser
{
    private static readonly string[] Special = ["caller", "kwargs", "varargs"];

    private readonly TokenStream _stream;
    private readonly ExpressionParser _expressions;

    /// <summary>Loops open around the cursor within the innermost macro, and in all.</summary>
    private int _loops;
    private int _allLoops;

    private TemplateParser(TemplateSource source)
    {
        _stream = new TokenStream(source);
        _expressions = new ExpressionParser(_stream);
    }

    /// <summary>The whole template; throws <see cref="UserInputException"/> with line and column.</summary>
    public static StatementBlock Parse(string text)
    {
        var source = new TemplateSource(text);
        try
        {
            var parser = new TemplateParser(source);
            StatementBlock body = parser.ParseBody();
            if (parser._stream.Current.Kind != TokenKind.End)
            {
                throw parser._stream.Error($"unexpected tag {parser._stream.Current.Describe()}");
            }

            return parser._expressions.Unknown is [var (offset, message), ..] ? throw source.Error(offset, message) : body;
        }
        catch (TemplateException e)
        {
            throw new UserInputException($"chat template: {e.Message}", e);
        }
    }

    /// <summary>Statements up to a tag whose name is in <paramref name="ends"/>, with the cursor on that name.</summary>
    private StatementBlock ParseBody(params ReadOnlySpan<string> ends)
    {
        _stream.Enter();
        var statements = new List<Statement>();
        while (_stream.Current.Kind != TokenKind.End)
        {
            int line = _stream.Line;
            TemplateToken token = _stream.Take();
            if (token.Kind == TokenKind.Data)
            {
                statements.Add(new TextStatement(line, token.Text));
            }
            else if (token.Kind == TokenKind.VariableBegin)
            {
                statements.Add(new PrintStatement(line, _expressions.ParseTuple()));
                _stream.Expect(TokenKind.VariableEnd, "'}}'");
            }
            else
            {
                if (_stream.Current.Kind == TokenKind.Name && ends.Contains(_stream.Current.Text))
                {
                    _stream.Leave();
                    return new StatementBlock(statements);
                }

                statements.Add(ParseStatement(line));
                _stream.Expect(TokenKind.BlockEnd, "'%}'");
            }
        }

        _stream.Leave();
        return ends.Length == 0
            ? new StatementBlock(statements)
            : throw _stream.Error($"the template ends where '{{% {string.Join(" %}' or '{% ", ends.ToArray())} %}}' is missing");
    }

    /// <summary>A tag's body after its <c>%}</c>, up to and over the name of its end tag.</summary>
    private StatementBlock ParseTagBody(string end)
    {
        OpenBody();
        StatementBlock body = ParseBody(end);
        _stream.Take();
        return body;
    }

    private void OpenBody()
    {
        // Jinja allows {% for x in y: %}.
        _stream.SkipOperator(":");
        _stream.Expect(TokenKind.BlockEnd, "'%}'");
    }

    private Statement ParseStatement(int line)
    {
        string name = _stream.Current.Kind == TokenKind.Name ? _stream.Current.Text : throw _stream.Unexpected("the name of a tag");
        switch (name)
        {
            case "if":
                return ParseIf(line);
            case "for":
                return ParseFor(line);
            case "set":
                return ParseSet(line);
            case "macro":
                return ParseMacro(line);
            case "call":
                return ParseCallBlock(line);
            case "filter":
                _stream.Take();
                FilterExpression filter = _expressions.ParseFilters(null, isInline: true)!;
                return new FilterBlockStatement(line, filter, ParseTagBody("endfilter"));
            case "with":
                return ParseWith(line);
            case "print":
                return ParsePrint(line);
            case "generation":
                _stream.Take();
                return new GenerationStatement(line, OutsideLoops(() => ParseTagBody("endgeneration")));
            case "break" or "continue":
                if (_loops == 0)
                {
                    throw _stream.Error($"'{name}' outside of a loop");
                }

                _stream.Take();
                return new LoopControlStatement(line, name == "break" ? Flow.Break : Flow.Continue);
            case "extends" or "include" or "import" or "from" or "block":
                throw _stream.Error($"'{name}' refers to other templates, and a checkpoint has only this one");
            default:
                throw _stream.Error($"unknown tag '{name}'");
        }
    }

    private PrintStatement ParsePrint(int line)
    {
        _stream.Take();
        var parts = new List<Expression>();
        while (_stream.Current.Kind != TokenKind.BlockEnd)
        {
            if (parts.Count > 0)
            {
                _stream.ExpectOperator(",");
            }

            parts.Add(_expressions.Parse());
        }

        return new PrintStatement(line, new ConcatenateExpression(parts));
    }

    private IfStatement ParseIf(int line)
    {
        int start = _expressions.Unknown.Count;
        var branches = new List<(Expression?, StatementBlock)>();
        do
        {
            _stream.Take();
            Expression condition = _expressions.ParseTuple(withConditional: false);
            OpenBody();
            branches.Add((condition, ParseBody("elif", "else", "endif")));
        }
        while (_stream.Current.IsName("elif"));

        if (_stream.SkipName("else"))
        {
            OpenBody();
            branches.Add((null, ParseBody("endif")));
        }

        _stream.Take();

        // A template may test for its environment: an unknown filter in a branch matters only when it is reached.
        _expressions.Unknown.RemoveRange(start, _expressions.Unknown.Count - start);
        return new IfStatement(line, branches);
    }

    private LoopStatement ParseFor(int line)
    {
        _stream.Take();
        _allLoops++;
        AssignmentTarget target = ParseTarget(end: "in", allowNamespace: false);
        if (!_stream.SkipName("in"))
        {
            throw _stream.Unexpected("'in'");
        }

        Expression items = _expressions.ParseTuple(withConditional: false, end: "recursive");
        Expression? condition = _stream.SkipName("if") ? _expressions.Parse() : null;
        bool isRecursive = _stream.SkipName("recursive");
        OpenBody();
        _loops++;
        StatementBlock body = ParseBody("else", "endfor");
        _loops--;
        StatementBlock? otherwise = null;
        if (_stream.SkipName("else"))
        {
            OpenBody();
            otherwise = ParseBody("endfor");
        }

        _stream.Take();
        _allLoops--;
        return new LoopStatement(line, target, items, condition, isRecursive, body, otherwise);
    }

    private Statement ParseSet(int line)
    {
        _stream.Take();
        AssignmentTarget target = ParseTarget(end: null, allowNamespace: true);
        if (_stream.SkipOperator("="))
        {
            return new SetStatement(line, target, _expressions.ParseTuple());
        }

        FilterExpression? filter = _expressions.ParseFilters(null);
        return new SetBlockStatement(line, target, filter, ParseTagBody("endset"));
    }

    private WithStatement ParseWith(int line)
    {
        _stream.Take();
        var bindings = new List<(AssignmentTarget, Expression)>();
        while (_stream.Current.Kind != TokenKind.BlockEnd)
        {
            if (bindings.Count > 0)
            {
                _stream.ExpectOperator(",");
            }

            AssignmentTarget target = ParseSingleTarget(allowNamespace: false);
            _stream.ExpectOperator("=");
            bindings.Add((target, _expressions.Parse()));
        }

        return new WithStatement(line, bindings, ParseTagBody("endwith"));
    }

    private MacroStatement ParseMacro(int line)
    {
        _stream.Take();
        string name = ParseName();
        return new MacroStatement(line, ParseDefinition(name, "endmacro", ParseParameters()));
    }

    private CallBlockStatement ParseCallBlock(int line)
    {
        _stream.Take();
        List<(string, Expression?)> parameters = _stream.Current.IsOperator("(") ? ParseParameters() : [];
        CallExpression call = _expressions.Parse() as CallExpression ?? throw _stream.Error("expected the call of a macro");
        return new CallBlockStatement(line, ParseDefinition("caller", "endcall", parameters), call);
    }

    private MacroDefinition ParseDefinition(string name, string end, List<(string, Expression?)> parameters)
    {
        var read = new HashSet<string>(StringComparer.Ordinal);
        _expressions.Readers.Add(read);
        StatementBlock body = OutsideLoops(() => ParseTagBody(end));
        _expressions.Readers.Remove(read);
        read.IntersectWith(Special);
        return new MacroDefinition(name, parameters, body, read);
    }

    private List<(string, Expression?)> ParseParameters()
    {
        var parameters = new List<(string Name, Expression? Default)>();
        _stream.ExpectOperator("(");
        while (!_stream.Current.IsOperator(")"))
        {
            if (parameters.Count > 0)
            {
                _stream.ExpectOperator(",");
            }

            string name = ParseName();
            Expression? fallback = _stream.SkipOperator("=") ? _expressions.Parse() : null;
            if (fallback is null && parameters is [.., (_, not null)])
            {
                throw _stream.Error("a parameter without a default follows one with a default");
            }

            if (parameters.Any(p => p.Name == name))
            {
                throw _stream.Error($"the parameter '{name}' occurs twice");
            }

            parameters.Add((name, fallback));
        }

        _stream.Take();
        return parameters;
    }

    /// <summary>Parses what becomes a function of its own: break and continue do not reach loops around it.</summary>
    private StatementBlock OutsideLoops(Func<StatementBlock> parse)
    {
        int loops = _loops;
        _loops = 0;
        StatementBlock body = parse();
        _loops = loops;
        return body;
    }

    private AssignmentTarget ParseTarget(string? end, bool allowNamespace, bool inParentheses = false)
    {
        var targets = new List<AssignmentTarget>();
        bool isTuple = inParentheses && _stream.Current.IsOperator(")");
        while (!IsTargetEnd(end))
        {
            targets.Add(ParseSingleTarget(allowNamespace));
            if (!_stream.SkipOperator(","))
            {
                break;
            }

            isTuple = true;
        }

        return isTuple ? new TupleTarget(targets) : targets is [var single] ? single : throw _stream.Unexpected("a name to assign to");
    }

    private AssignmentTarget ParseSingleTarget(bool allowNamespace)
    {
        if (_stream.SkipOperator("("))
        {
            _stream.Enter();
            AssignmentTarget inner = ParseTarget(end: null, allowNamespace: false, inParentheses: true);
            _stream.ExpectOperator(")");
            _stream.Leave();
            return inner;
        }

        string name = ParseName();
        return allowNamespace && _stream.SkipOperator(".")
            ? new NamespaceTarget(name, _stream.ExpectName())
            : name == "loop" && _allLoops > 0 ? throw _stream.Error("'loop' cannot be assigned inside a loop") : new NameTarget(name);
    }

    private bool IsTargetEnd(string? end) => _stream.Current.Kind is TokenKind.BlockEnd or TokenKind.VariableEnd
        || _stream.Current.IsOperator(")") || (end is not null && _stream.Current.IsName(end));

    private string ParseName()
    {
        string name = _stream.Current.Kind == TokenKind.Name ? _stream.Current.Text : throw _stream.Unexpected("a name");
        if (ExpressionParser.Constant(name) is not null)
        {
            throw _stream.Error($"'{name}' cannot be assigned");
        }

        _stream.Take();
        return name;
    }
}
