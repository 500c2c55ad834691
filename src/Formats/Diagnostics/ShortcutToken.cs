namespace Rm.Formats.Diagnostics;

/// <summary>
/// The token that alone tells best which side is the chosen one: a mark of the labels, if it tells nearly always. Counted over what the
/// sides do not share at their beginning.
/// </summary>
/// <param name="Id">Token id.</param>
/// <param name="Text">Its text, or null without a tokenizer.</param>
/// <param name="ChosenOnly">Pairs in which it stands in the chosen side only.</param>
/// <param name="RejectedOnly">Pairs in which it stands in the rejected side only.</param>
/// <param name="Pairs">Pairs counted.</param>
public sealed record ShortcutToken(int Id, string? Text, long ChosenOnly, long RejectedOnly, long Pairs)
{
    /// <summary>Accuracy of going by this token alone, guessing where it does not tell; 0.5 to 1.</summary>
    public double Accuracy => 0.5 + (Math.Abs(ChosenOnly - RejectedOnly) / (2.0 * Pairs));
}
