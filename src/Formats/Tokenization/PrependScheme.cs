namespace Rm.Formats.Tokenization;

/// <summary>Where a Metaspace pre-tokenizer puts its mark before a piece that does not begin with one.</summary>
internal enum PrependScheme
{
    /// <summary>Before every piece.</summary>
    Always,

    /// <summary>Before the piece that begins the user's text.</summary>
    First,

    /// <summary>Nowhere.</summary>
    Never,
}
