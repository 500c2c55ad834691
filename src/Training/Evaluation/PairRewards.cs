using System.Globalization;
using Rm.Formats.Rendering;
using Rm.Training.Batching;
using Rm.Training.Statistics;

namespace Rm.Training.Evaluation;

/// <summary>Rewards of pairs, in order, and the figures that TRL names.</summary>
public sealed class PairRewards
{
    private readonly List<float> _chosen;
    private readonly List<float> _rejected;

    /// <summary>An empty list with room for <paramref name="capacity"/> pairs.</summary>
    public PairRewards(int capacity)
    {
        _chosen = new List<float>(capacity);
        _rejected = new List<float>(capacity);
    }

    /// <summary>Rewards of the preferred sides.</summary>
    public IReadOnlyList<float> Chosen => _chosen;

    /// <summary>Rewards of the other sides.</summary>
    public IReadOnlyList<float> Rejected => _rejected;

    /// <summary>Number of pairs.</summary>
    public int Count => _chosen.Count;

    /// <summary>Pairs with chosen above rejected, strictly.</summary>
    public int Correct => Enumerable.Range(0, Count).Count(i => _chosen[i] > _rejected[i]);

    /// <summary>Pairs with equal rewards.</summary>
    public int Ties => Enumerable.Range(0, Count).Count(i => _chosen[i] == _rejected[i]);

    /// <summary>Whether both rewards of a pair are finite numbers.</summary>
    public bool IsFinite(int pair) => float.IsFinite(_chosen[pair]) && float.IsFinite(_rejected[pair]);

    /// <summary>Share of correct pairs.</summary>
    public double Accuracy => (double)Correct / Count;

    /// <summary>Mean of chosen minus rejected.</summary>
    public double Margin => Enumerable.Range(0, Count).Average(i => (double)_chosen[i] - _rejected[i]);

    /// <summary>Smallest reward of either side.</summary>
    public double Min => Math.Min(_chosen.Min(), _rejected.Min());

    /// <summary>Mean reward of both sides.</summary>
    public double Mean => (_chosen.Average(r => (double)r) + _rejected.Average(r => (double)r)) / 2;

    /// <summary>Largest reward of either side.</summary>
    public double Max => Math.Max(_chosen.Max(), _rejected.Max());

    /// <summary>Adds a pair.</summary>
    public void Add(float chosen, float rejected)
    {
        _chosen.Add(chosen);
        _rejected.Add(rejected);
    }

    /// <summary>Adds the pairs of groups whose answers have the rewards <paramref name="answers"/>, in turn.</summary>
    public void Add(IReadOnlyList<PairGroup> groups, ReadOnlySpan<float> answers)
    {
        foreach (PairGroup group in groups)
        {
            foreach ((int chosen, int rejected) in group.Sides)
            {
                Add(answers[chosen], answers[rejected]);
            }

            answers = answers[group.Answers.Count..];
        }
    }

    /// <summary>One evaluation row for each of the pairs that these are the rewards of, in order.</summary>
    public IReadOnlyList<EvalRow> ToRows(IReadOnlyList<PreferencePair> pairs) =>
        [.. pairs.Select((pair, i) => new EvalRow
        {
            Row = pair.RowIndex,
            Pair = pair.ContentHash.ToString("x32", CultureInfo.InvariantCulture),
            Cluster = pair.PostId ?? pair.PromptHash.ToString("x32", CultureInfo.InvariantCulture),
            ChosenReward = _chosen[i],
            RejectedReward = _rejected[i],
            ChosenTokens = pair.Chosen.Length,
            RejectedTokens = pair.Rejected.Length,
            Margin = pair.Margin,
            Weight = pair.Weight,
            Domain = pair.Domain,
            ScoreRatio = pair.ScoreRatio,
            Subset = pair.Subset,
        })];
}
