using System.Runtime.CompilerServices;

namespace Rm.Formats.ChatTemplates;

/// <summary>The tokens with a cursor, and the nesting bound of the source.</summary>
internal sealed class TokenStream(TemplateSource source)
{
    private readonly List<TemplateToken> _tokens = TemplateLexer.Tokenize(source);
    private int _position;
    private int _nesting;

    public TemplateSource Source { get; } = source;

    public TemplateToken Current => _tokens[_position];

    public TemplateToken Following => _tokens[Math.Min(_position + 1, _tokens.Count - 1)];

    /// <summary>Source line of the current token.</summary>
    public int Line => Source.LineOf(Current.Offset);

    public TemplateToken Take()
    {
        TemplateToken token = Current;
        _position = Math.Min(_position + 1, _tokens.Count - 1);
        return token;
    }

    public bool SkipName(string name) => Skip(Current.IsName(name));

    public bool SkipOperator(string text) => Skip(Current.IsOperator(text));

    public void ExpectOperator(string text)
    {
        if (!SkipOperator(text))
        {
            throw Unexpected($"'{text}'");
        }
    }

    public string ExpectName() => Current.Kind == TokenKind.Name ? Take().Text : throw Unexpected("a name");

    public void Expect(TokenKind kind, string what)
    {
        if (!Skip(Current.Kind == kind))
        {
            throw Unexpected(what);
        }
    }

    public UserInputException Unexpected(string expected) => Error($"expected {expected}, got {Current.Describe()}");

    public UserInputException Error(string message) => Source.Error(Current.Offset, message);

    /// <summary>Goes one level deeper into the grammar.</summary>
    public void Enter()
    {
        if (++_nesting > TemplateLimits.SourceNesting * 2 || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw Error($"the template is nested deeper than {TemplateLimits.SourceNesting} levels");
        }
    }

    public void Leave() => _nesting--;

    private bool Skip(bool condition)
    {
        if (condition)
        {
            Take();
        }

        return condition;
    }
}
