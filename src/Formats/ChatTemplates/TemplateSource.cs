namespace Rm.Formats.ChatTemplates;

/// <summary>A template's text with its line ends unified, as Jinja reads it: one newline at the very end is dropped.</summary>
internal sealed class TemplateSource
{
    private readonly List<int> _newlines = [];

    public TemplateSource(string text)
    {
        if (text.Length > TemplateLimits.SourceCharacters)
        {
            throw new UserInputException($"chat template: its source has more than {TemplateLimits.SourceCharacters} characters");
        }

        Text = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        if (Text.EndsWith('\n'))
        {
            Text = Text[..^1];
        }

        for (int i = Text.IndexOf('\n'); i >= 0; i = Text.IndexOf('\n', i + 1))
        {
            _newlines.Add(i);
        }
    }

    public string Text { get; }

    /// <summary>Line of an offset, from 1.</summary>
    public int LineOf(int offset)
    {
        int index = _newlines.BinarySearch(offset);
        return (index < 0 ? ~index : index) + 1;
    }

    /// <summary>A syntax error at an offset.</summary>
    public UserInputException Error(int offset, string message)
    {
        offset = Math.Min(offset, Text.Length);
        int column = offset - (offset == 0 ? -1 : Text.LastIndexOf('\n', offset - 1));
        return new UserInputException($"chat template, line {LineOf(offset)}, column {column}: {message}");
    }
}
