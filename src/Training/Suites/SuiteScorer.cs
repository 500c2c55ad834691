using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Kernels.Ops;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Training.Suites;

/// <summary>
/// Scores a benchmark's answers. Nothing is left out: a row that does not fit is an error. A text's reward depends on the text alone, so
/// equal answers tie.
/// </summary>
/// <param name="model">Model.</param>
/// <param name="tokenizer">Renders and tokenises an answer with its prompt.</param>
/// <param name="microTokenBudget">Most packed tokens computed at once.</param>
/// <param name="sharePrefix">Whether the answers of a row store what they begin with once.</param>
public sealed class SuiteScorer(RewardModel model, PairTokenizer tokenizer, int microTokenBudget, bool sharePrefix)
{
    private const int ChunkRows = 256;

    /// <summary>
    /// Reads and scores rows in their order. Throws <see cref="UserInputException"/> naming the first row that cannot be scored.
    /// </summary>
    public IReadOnlyList<ScoredAnswers> Score(IEnumerable<DataRow> rows, BenchmarkSuite suite)
    {
        var scored = new List<ScoredAnswers>();
        foreach (DataRow[] chunk in rows.Chunk(ChunkRows))
        {
            AnswerSet[] sets = [.. chunk.Select(row => suite.Read(row, tokenizer.Columns))];
            int[][][] ids = [.. sets.Select(set => set.Answers.Select(answer => Tokenize(answer, set)).ToArray())];
            int[] prefixes = [.. ids.Select(Prefix)];
            int[] sizes = [.. ids.Select((answers, i) => answers.Sum(a => a.Length) - (prefixes[i] * (answers.Length - 1)))];
            foreach ((int first, int count, int _) in MicroBatchCut.Of(sizes, microTokenBudget))
            {
                var builder = new SequenceLayoutBuilder();
                for (int i = first; i < first + count; i++)
                {
                    builder.AddGroup(ids[i], prefixes[i], key: 0);
                }

                float[] rewards = model.Score(builder.Build());
                int next = 0;
                for (int i = first; i < first + count; next += ids[i].Length, i++)
                {
                    float[] own = rewards[next..(next + ids[i].Length)];
                    scored.Add(own.All(float.IsFinite)
                        ? new ScoredAnswers(sets[i].Id, sets[i].Subset, own, sets[i].Correct)
                        : throw new NonFiniteException(
                            $"{sets[i].Source.File}:{sets[i].Source.Line}: the model gives a reward that is not a finite number."));
                }
            }
        }

        return scored.Count > 0 ? scored : throw new UserInputException("There is no row to evaluate.");
    }

    private int[] Tokenize(Conversation answer, AnswerSet set)
    {
        TokenizedText text = tokenizer.Tokenize(answer, set.Source);
        return text.Ids ?? throw set.Source.Error(
            $"cannot be scored: {DataReportText.Describe(text.Dropped)}. A benchmark's rows are not left out; give a larger "
                + $"--max-seq-len, or --truncation prompt-left.");
    }

    private int Prefix(int[][] answers)
    {
        if (!sharePrefix)
        {
            return 0;
        }

        int prefix = answers.Min(answer => answer.Length) - 1;
        foreach (int[] answer in answers)
        {
            prefix = Math.Min(prefix, answer.AsSpan().CommonPrefixLength(answers[0]));
        }

        return SequenceLayoutBuilder.ExactPrefixLength(prefix);
    }
}
