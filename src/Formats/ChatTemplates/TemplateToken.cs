namespace Rm.Formats.ChatTemplates;

/// <summary>Kind of a token.</summary>
internal enum TokenKind
{
    Data,
    BlockBegin,
    BlockEnd,
    VariableBegin,
    VariableEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End,
}

/// <summary>
/// A piece of the source at <paramref name="Offset"/> characters from its beginning. Text of a String is already unescaped.
/// </summary>
internal readonly record struct TemplateToken(TokenKind Kind, string Text, int Offset)
{
    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public bool IsOperator(string text) => Kind == TokenKind.Operator && Text == text;

    public string Describe() => Kind switch
    {
        TokenKind.End => "end of template",
        TokenKind.BlockBegin => "'{%'",
        TokenKind.BlockEnd => "'%}'",
        TokenKind.VariableBegin => "'{{'",
        TokenKind.VariableEnd => "'}}'",
        TokenKind.Data => "template text",
        TokenKind.String => "a string",
        _ => $"'{(Text.Length > 40 ? Text[..40] : Text)}'",
    };
}
