using Rm.Formats.RandomNumbers;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Diagnostics;

/// <summary>
/// Transforms the rows of a split before they are rendered and tokenised, so that everything behind the reading of rows is put to the test.
/// The result depends on the rows, their positions and the options alone.
/// </summary>
/// <param name="options">The diagnostic.</param>
/// <param name="encoder">Tokenizer, for rows of token ids.</param>
internal sealed class DiagnosticTransform(DiagnosticOptions options, ITextEncoder? encoder)
{
    private const ulong ShufflePurpose = 0x73687566666C65;
    private const int ShuffleBlock = 8;
    private const ulong DonorPurpose = 0x646F6E6F72;

    // Draws before every row is tried in turn: enough unless nearly all rows have the same prompt.
    private const int MostDraws = 64;

    /// <summary>Rows that were changed.</summary>
    public long Changed { get; private set; }

    /// <summary>
    /// Transforms the rows in place. Throws <see cref="UserInputException"/> when a row needs a response to another prompt and there is
    /// none.
    /// </summary>
    public void Apply(PairRow[] rows, IReadOnlyList<long> positions)
    {
        switch (options.Mode)
        {
            case DiagnosticMode.LabelShuffle:
                Shuffle(rows, positions);
                break;
            case DiagnosticMode.PromptOnly:
                Parallel.For(0, rows.Length, i => rows[i] = ResponseReplacement.WithoutResponses(rows[i], encoder));
                Changed = rows.Length;
                break;
            case DiagnosticMode.RandomNegatives:
                DrawNegatives(rows, positions);
                break;
        }
    }

    // Exactly the asked share of the rows, drawn from blocks of rows with about the same length gap. What is drawn is random, yet neither
    // the number of labels nor length, the feature that a model takes up first, is left an advantage by chance.
    private void Shuffle(PairRow[] rows, IReadOnlyList<long> positions)
    {
        ulong Key(int i) => SplitMix64.For(options.Seed ^ ShufflePurpose, (ulong)positions[i]).Next();
        int[] order = [.. Enumerable.Range(0, rows.Length)
            .OrderBy(i => ResponseReplacement.LengthOf(rows[i].Chosen) - ResponseReplacement.LengthOf(rows[i].Rejected)).ThenBy(Key)
            .ThenBy(i => i)];
        for (int start = 0; start < order.Length; start += ShuffleBlock)
        {
            int end = Math.Min(start + ShuffleBlock, order.Length);
            int count = Share(end) - Share(start);
            foreach (int i in order[start..end].OrderBy(Key).ThenBy(i => i).Take(count))
            {
                rows[i] = rows[i] with { Chosen = rows[i].Rejected, Rejected = rows[i].Chosen };
            }
        }

        Changed = Share(rows.Length);

        int Share(int count) => (int)Math.Round(options.ShuffleRate * count, MidpointRounding.AwayFromZero);
    }

    private void DrawNegatives(PairRow[] rows, IReadOnlyList<long> positions)
    {
        PairRow[] originals = [.. rows];
        var prompts = new UInt128[rows.Length];
        Parallel.For(0, rows.Length, i => prompts[i] = PromptHash.Of(originals[i]));
        for (int i = 0; i < rows.Length; i++)
        {
            var random = SplitMix64.For(options.Seed ^ DonorPurpose, (ulong)positions[i]);
            (int donor, bool chosen) = Draw(i, originals, prompts, ref random);
            rows[i] = ResponseReplacement.WithRejected(originals[i], originals[donor], chosen);
        }

        Changed = rows.Length;
    }

    private static (int Donor, bool Chosen) Draw(int row, PairRow[] rows, UInt128[] prompts, ref SplitMix64 random)
    {
        for (int draw = 0; draw < MostDraws; draw++)
        {
            int donor = random.NextBelow(rows.Length);
            bool chosen = random.NextBelow(2) == 0;
            if (IsOther(donor) && !ResponseReplacement.IsUseless(rows[row], rows[donor], chosen))
            {
                return (donor, chosen);
            }
        }

        int start = random.NextBelow(rows.Length);
        for (int i = 0; i < 2 * rows.Length; i++)
        {
            int donor = (start + (i / 2)) % rows.Length;
            if (IsOther(donor) && !ResponseReplacement.IsUseless(rows[row], rows[donor], i % 2 == 0))
            {
                return (donor, i % 2 == 0);
            }
        }

        throw rows[row].Source.Error(
            "random_negatives finds no response to another prompt for this row; it needs rows of at least two prompts of this kind.");

        bool IsOther(int donor) =>
            prompts[donor] != prompts[row] && (rows[row].PostId is not { } post || rows[donor].PostId != post);
    }
}
