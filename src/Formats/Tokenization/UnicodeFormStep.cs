namespace Rm.Formats.Tokenization;

/// <summary><c>NFC</c>, <c>NFD</c>, <c>NFKC</c> and <c>NFKD</c>.</summary>
internal sealed class UnicodeFormStep(UnicodeForm form) : NormalizerStep
{
    /// <inheritdoc/>
    public override ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart, long limit) =>
        form.IsPlain(text) ? text : form.Normalize(text);
}
