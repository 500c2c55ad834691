using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rendering;

/// <summary>Turns rows into pairs of token ids. Used from several threads at once; the result of a row depends on that row alone.</summary>
public interface IPairTokenizer
{
    /// <summary>The tokenizer behind this one, or null.</summary>
    ITextEncoder? Encoder { get; }

    /// <summary>What the user says of the rows' columns.</summary>
    RowColumns Columns => RowColumns.None;

    /// <summary>
    /// Tokenises a pair; <paramref name="rowIndex"/> becomes its id. Throws <see cref="UserInputException"/> naming the row when it cannot
    /// be read.
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="rowIndex">0-based position among all rows of the source.</param>
    /// <param name="keepIdentical">Keep a pair whose sides are equal, which tells nothing and is dropped otherwise.</param>
    TokenizedRow Tokenize(PairRow row, long rowIndex, bool keepIdentical = false);

    /// <summary>
    /// Tokenises the pairs of one row as <see cref="Tokenize"/> does. Pairs of one answer get one array for it where both would be cut
    /// alike.
    /// </summary>
    /// <param name="rows">The row's pairs, at least one.</param>
    /// <param name="rowIndex">0-based position among all rows of the source.</param>
    /// <param name="cutAlike">Cut the same tokens from the prompts of all pairs, not of each by itself.</param>
    IReadOnlyList<TokenizedRow> TokenizeAll(IReadOnlyList<PairRow> rows, long rowIndex, bool cutAlike) =>
        [.. rows.Select(row => Tokenize(row, rowIndex))];
}
