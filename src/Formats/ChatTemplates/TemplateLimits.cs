namespace Rm.Formats.ChatTemplates;

/// <summary>
/// Bounds of one template and one rendering. A checkpoint is downloaded from strangers: a template must not hang a run or eat its memory.
/// The values are far above what a real conversation needs (a 100,000-token chat uses less than a hundredth of each).
/// </summary>
internal static class TemplateLimits
{
    /// <summary>Characters of a template's source.</summary>
    public const int SourceCharacters = 1 << 20;

    /// <summary>Brackets, operators or blocks open inside each other in the source.</summary>
    public const int SourceNesting = 100;

    /// <summary>Expressions and statements evaluated, and items produced, in one rendering.</summary>
    public const int Steps = 4_000_000;

    /// <summary>Expressions and statements under evaluation at once; bounds macro recursion.</summary>
    public const int EvaluationDepth = 1000;

    /// <summary>Lists, dicts and namespaces inside each other in a value that is printed, compared or hashed.</summary>
    public const int ValueDepth = 200;

    /// <summary>Characters of the rendered text, and of any single string on the way.</summary>
    public const int TextCharacters = 8 << 20;

    /// <summary>Characters of all strings made in one rendering: bounds its memory.</summary>
    public const long MadeCharacters = 64L << 20;

    /// <summary>Characters read by string functions in one rendering: bounds its time.</summary>
    public const long ScannedCharacters = 256L << 20;

    /// <summary>Items of a range, the bound of the sandbox of the original.</summary>
    public const int RangeItems = 100_000;

    /// <summary>Bits of an integer; Python prints none longer than 4300 digits, which is about this.</summary>
    public const int IntegerBits = 14_000;
}
