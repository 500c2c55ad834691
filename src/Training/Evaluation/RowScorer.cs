using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Kernels.Ops;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Training.Evaluation;

/// <summary>Rewards of one scored row: one for a text, two (chosen, rejected) for a pair; none when the row cannot be scored.</summary>
/// <param name="Row">The row.</param>
/// <param name="Rewards">The rewards, or empty.</param>
/// <param name="Error">Why there are none.</param>
public sealed record ScoredRow(ScoreRow Row, float[] Rewards, DropReason Error);

/// <summary>Scores rows of any kind. A row's rewards depend on the row alone, so rows are packed as they come.</summary>
/// <param name="model">Model.</param>
/// <param name="tokenizer">Turns rows into token ids.</param>
/// <param name="microTokenBudget">Most packed tokens of a micro-batch.</param>
/// <param name="sharePrefix">Whether pairs store their common prefix once.</param>
public sealed class RowScorer(RewardModel model, PairTokenizer tokenizer, int microTokenBudget, bool sharePrefix)
{
    private readonly RowTokenizer _rows = new(tokenizer, sharePrefix);

    /// <summary>Scores rows, in their order.</summary>
    public IReadOnlyList<ScoredRow> Score(IReadOnlyList<DataRow> rows)
    {
        var items = new RowTokens[rows.Count];
        var errors = new UserInputException?[rows.Count];
        Parallel.For(0, rows.Count, i =>
        {
            try
            {
                items[i] = _rows.Tokenize(rows[i]);
            }
            catch (UserInputException e)
            {
                errors[i] = e;
            }
        });
        if (Array.Find(errors, e => e is not null) is { } first)
        {
            throw first;
        }

        var results = new ScoredRow[rows.Count];
        foreach ((RowTokens item, int i) in items.Select((item, i) => (item, i)).Where(entry => entry.item.PackedTokens == 0))
        {
            results[i] = new ScoredRow(item.Row, [], item.Error);
        }

        int[] scored = [.. Enumerable.Range(0, items.Length).Where(i => items[i].PackedTokens > 0)];
        foreach ((int start, int count, int _) in MicroBatchCut.Of(scored.Select(i => items[i].PackedTokens), microTokenBudget))
        {
            ScoreBatch(items, scored.AsSpan(start, count), results);
        }

        return results;
    }

    private void ScoreBatch(RowTokens[] items, ReadOnlySpan<int> batch, ScoredRow[] results)
    {
        var builder = new SequenceLayoutBuilder();
        foreach (int i in batch)
        {
            builder.AddGroup(items[i].Sequences, items[i].PrefixLength, key: 0);
        }

        float[] rewards = model.Score(builder.Build());
        int next = 0;
        foreach (int i in batch)
        {
            int count = items[i].Sequences.Length;
            if (!rewards.AsSpan(next, count).ToArray().All(float.IsFinite))
            {
                throw new NonFiniteException(
                    $"{items[i].Row.Source.File}:{items[i].Row.Source.Line}: the model gives a reward that is not a finite number.");
            }

            results[i] = new ScoredRow(items[i].Row, rewards[next..(next + count)], DropReason.None);
            next += count;
        }
    }
}
