namespace Rm.Host.Trl;

/// <summary>What an option's value is.</summary>
internal enum TrlOptionKind
{
    /// <summary>A string.</summary>
    Text,

    /// <summary>True or false; the name alone means true, <c>--no_NAME</c> false.</summary>
    Flag,

    /// <summary>A whole number.</summary>
    Whole,

    /// <summary>A number.</summary>
    Number,

    /// <summary>Strings.</summary>
    TextList,

    /// <summary>Names with values; on the command line as JSON.</summary>
    Mapping,

    /// <summary>Mappings; in a file only.</summary>
    List,
}

/// <summary>What becomes of an option here.</summary>
internal enum TrlTreatment
{
    /// <summary>It does what it does in TRL.</summary>
    Honoured,

    /// <summary>It changes no result; said once where it is given another value than its default.</summary>
    Ignored,

    /// <summary>Another value than its default is an error.</summary>
    Refused,
}

/// <summary>One option of <c>trl reward</c>.</summary>
/// <param name="Name">Its name, without dashes.</param>
/// <param name="Kind">What its value is.</param>
/// <param name="Default">TRL's default as JSON.</param>
/// <param name="Treatment">What becomes of it.</param>
/// <param name="Text">What it does here, why it is ignored, or what to use instead.</param>
internal sealed record TrlOption(string Name, TrlOptionKind Kind, string Default, TrlTreatment Treatment, string Text)
{
    /// <summary>TRL's group of options.</summary>
    public string Group { get; init; } = "";
}
