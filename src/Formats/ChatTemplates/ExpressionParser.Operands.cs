using System.Globalization;
using System.Numerics;

namespace Rm.Formats.ChatTemplates;

// What binds tightest: literals, names, brackets, and the attributes, items, calls, filters and tests behind them.
internal sealed partial class ExpressionParser
{
    private Expression ParsePrimary()
    {
        TemplateToken token = stream.Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                stream.Take();
                return Constant(token.Text) is { } constant ? new ConstantExpression(constant) : ReadName(token.Text);
            case TokenKind.String:
                string text = stream.Take().Text;
                while (stream.Current.Kind == TokenKind.String)
                {
                    text += stream.Take().Text;
                }

                return new ConstantExpression(text);
            case TokenKind.Integer:
                stream.Take();
                return new ConstantExpression(Integer(token));
            case TokenKind.Float:
                stream.Take();
                return new ConstantExpression(double.Parse(token.Text, NumberStyles.Float, CultureInfo.InvariantCulture));
            case TokenKind.Operator when token.Text == "(":
                stream.Take();
                Expression tuple = ParseTuple(inParentheses: true);
                stream.ExpectOperator(")");
                return tuple;
            case TokenKind.Operator when token.Text == "[":
                return new SequenceExpression(ParseList(), isTuple: false);
            case TokenKind.Operator when token.Text == "{":
                return new DictExpression(ParseDict());
            default:
                throw stream.Unexpected("an expression");
        }
    }

    /// <summary>Attributes, items and calls; with <paramref name="withFilter"/> then filters, tests and calls of their results.</summary>
    private Expression ParsePostfix(Expression value, bool withFilter)
    {
        int depth = 0;
        for (; ; depth++)
        {
            CheckChain(depth);
            if (stream.Current.IsOperator(".") || stream.Current.IsOperator("["))
            {
                value = ParseSubscript(value);
            }
            else if (stream.Current.IsOperator("("))
            {
                value = new CallExpression(value, ParseArguments());
            }
            else
            {
                break;
            }
        }

        for (; withFilter; depth++)
        {
            CheckChain(depth);
            if (stream.Current.IsOperator("|"))
            {
                value = ParseFilters(value)!;
            }
            else if (stream.SkipName("is"))
            {
                value = ParseTest(value);
            }
            else if (stream.Current.IsOperator("("))
            {
                value = new CallExpression(value, ParseArguments());
            }
            else
            {
                break;
            }
        }

        return value;
    }

    private Expression ParseSubscript(Expression target)
    {
        if (stream.SkipOperator("."))
        {
            return stream.Current.Kind switch
            {
                TokenKind.Name => new AttributeExpression(target, stream.Take().Text),
                TokenKind.Integer => new ItemExpression(target, new ConstantExpression(Integer(stream.Take()))),
                _ => throw stream.Unexpected("a name or number"),
            };
        }

        stream.ExpectOperator("[");
        var keys = new List<Expression>();
        while (keys.Count > 0 || !stream.Current.IsOperator("]"))
        {
            if (stream.Current.IsOperator(":"))
            {
                return ParseSlice(target, null, keys.Count);
            }

            Expression key = Parse();
            if (stream.Current.IsOperator(":"))
            {
                return ParseSlice(target, key, keys.Count);
            }

            keys.Add(key);
            if (!stream.SkipOperator(","))
            {
                break;
            }
        }

        stream.ExpectOperator("]");
        return new ItemExpression(target, keys.Count == 1 ? keys[0] : new SequenceExpression(keys, isTuple: true));
    }

    private SliceExpression ParseSlice(Expression target, Expression? start, int others)
    {
        if (others > 0)
        {
            throw stream.Error("a slice in more than one dimension is not supported");
        }

        stream.ExpectOperator(":");
        Expression? stop = null, step = null;
        if (!stream.Current.IsOperator("]") && !stream.Current.IsOperator(":"))
        {
            stop = Parse();
        }

        if (stream.SkipOperator(":") && !stream.Current.IsOperator("]"))
        {
            step = Parse();
        }

        stream.ExpectOperator("]");
        return new SliceExpression(target, start, stop, step);
    }

    private Expression ParseTest(Expression value)
    {
        bool isNegated = stream.SkipName("not");
        int offset = stream.Current.Offset;
        string name = ParseDottedName();
        if (TestTable.Find(name) is null)
        {
            Unknown.Add((offset, $"no test named '{name}'"));
        }

        ArgumentList arguments = ArgumentList.Empty;
        TemplateToken token = stream.Current;
        if (token.IsOperator("("))
        {
            arguments = ParseArguments();
        }
        else if ((token.Kind is TokenKind.Name or TokenKind.String or TokenKind.Integer or TokenKind.Float
            || token.IsOperator("[") || token.IsOperator("{")) && !token.IsName("else") && !token.IsName("or") && !token.IsName("and"))
        {
            if (token.IsName("is"))
            {
                throw stream.Error("tests with 'is' cannot be chained");
            }

            arguments = new ArgumentList([ParsePostfix(ParsePrimary(), withFilter: false)], [], null, null);
        }

        Expression test = new TestExpression(value, name, arguments);
        return isNegated ? new NotExpression(test) : test;
    }

    private List<Expression> ParseList()
    {
        var items = new List<Expression>();
        stream.Take();
        while (!stream.Current.IsOperator("]"))
        {
            items.Add(Parse());
            if (!stream.Current.IsOperator("]"))
            {
                stream.ExpectOperator(",");
            }
        }

        stream.Take();
        return items;
    }

    private List<(Expression, Expression)> ParseDict()
    {
        var items = new List<(Expression, Expression)>();
        stream.Take();
        while (!stream.Current.IsOperator("}"))
        {
            Expression key = Parse();
            stream.ExpectOperator(":");
            items.Add((key, Parse()));
            if (!stream.Current.IsOperator("}"))
            {
                stream.ExpectOperator(",");
            }
        }

        stream.Take();
        return items;
    }

    private NameExpression ReadName(string name)
    {
        foreach (HashSet<string> reader in Readers)
        {
            reader.Add(name);
        }

        return new NameExpression(name);
    }

    private object Integer(TemplateToken token)
    {
        string text = token.Text;
        if (text.Length > 4300)
        {
            throw stream.Source.Error(token.Offset, "an integer has more than 4300 digits");
        }

        int radix = text.Length < 2 ? 10 : char.ToLowerInvariant(text[1]) switch
        {
            'x' => 16,
            'o' => 8,
            'b' => 2,
            _ => 10,
        };
        return radix == 10
            ? PythonArithmetic.Normalize(BigInteger.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture))
            : IntegerText.Parse(text[2..], radix)!;
    }
}
