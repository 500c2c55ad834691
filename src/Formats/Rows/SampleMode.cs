namespace Rm.Formats.Rows;

/// <summary>Which rows <c>--limit</c> takes.</summary>
public enum SampleMode
{
    /// <summary>The first ones in file order.</summary>
    First,

    /// <summary>Each row with the same chance.</summary>
    Random,
}
