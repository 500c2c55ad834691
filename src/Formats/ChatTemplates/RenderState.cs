using System.Runtime.CompilerServices;
using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>What one rendering has used up, and the line it is at. Belongs to one thread.</summary>
internal sealed class RenderState(DateTime? now)
{
    private readonly DateTime? _now = now;
    private int _steps;
    private int _depth;
    private long _made;
    private long _scanned;

    /// <summary>Source line of the statement that runs now, from 1.</summary>
    public int Line { get; set; } = 1;

    /// <summary>The date that strftime_now tells.</summary>
    public DateTime Now => _now ?? DateTime.Now;

    /// <summary>Counts one evaluation or one produced item.</summary>
    public void Step(int count = 1)
    {
        _steps += count;
        if (_steps > TemplateLimits.Steps || _steps < 0)
        {
            throw new TemplateException($"it takes more than {TemplateLimits.Steps} steps");
        }
    }

    /// <summary>
    /// Goes one evaluation deeper. There is no finally around the matching <see cref="Leave"/>: any exception ends the rendering.
    /// </summary>
    public void Enter()
    {
        Step();
        if (++_depth > TemplateLimits.EvaluationDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateException($"expressions or macro calls are nested deeper than {TemplateLimits.EvaluationDepth}");
        }
    }

    /// <summary>Comes back from an evaluation.</summary>
    public void Leave() => _depth--;

    /// <summary>Announces a string of <paramref name="length"/> characters before it is made.</summary>
    public void Make(long length)
    {
        if (length > TemplateLimits.TextCharacters)
        {
            throw new TemplateException($"a text is longer than {TemplateLimits.TextCharacters} characters");
        }

        _made += length;
        if (_made > TemplateLimits.MadeCharacters)
        {
            throw new TemplateException($"its texts add up to more than {TemplateLimits.MadeCharacters} characters");
        }
    }

    /// <summary>Announces that <paramref name="length"/> characters will be read.</summary>
    public void Scan(long length)
    {
        _scanned += length;
        if (_scanned > TemplateLimits.ScannedCharacters)
        {
            throw new TemplateException($"it reads more than {TemplateLimits.ScannedCharacters} characters");
        }
    }

    /// <summary>Appends to an output or a captured block, within the bounds.</summary>
    public void Write(StringBuilder output, string text)
    {
        if (output.Length + (long)text.Length > TemplateLimits.TextCharacters)
        {
            throw new TemplateException($"the rendered text is longer than {TemplateLimits.TextCharacters} characters");
        }

        Make(text.Length);
        output.Append(text);
    }
}
