namespace Rm.Formats.Tokenization;

/// <summary><c>Prepend</c>: puts a text before every piece that is not empty.</summary>
internal sealed class PrependStep(string prefix) : NormalizerStep
{
    /// <inheritdoc/>
    public override ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart, long limit) => string.Concat(prefix, text);
}
