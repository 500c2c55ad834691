using System.Globalization;

namespace Rm.Training.Suites;

/// <summary>
/// RewardBench 2's score of its subset Ties. A row's id is <c>ref:N</c> (one right answer) or <c>tied:N</c> (several). With C the spread of
/// a row's right answers, M = min(R, T) where R and T are how far the right answers are above the wrong ones in ref:N and tied:N: 0.3 (tied
/// rows that are accurate) + 0.3 (ref rows that are) + 0.2 mean(T > C) + 0.2 mean(M > C) + 0.01 mean(tanh(M / C - 1)). Accuracies are over
/// all rows, the other means over numbers in both kinds. Two formulas are published, which part where C is 0 or missing.
/// </summary>
public static class TiesScore
{
    /// <summary>
    /// As the released package rewardbench 0.1.4 has it: rows with C = 0 are left out of the last mean, which is 0 if none is left; tied
    /// rows with one right answer are left out of all three, which are NaN if none is left; a row without right or without wrong answers is
    /// not accurate, and M counts as 0; of two rows with one id the later's rewards replace the earlier's, by position.
    /// </summary>
    public static double Released(IReadOnlyList<ScoredAnswers> rows)
    {
        var all = Kinds.Of(rows, replace: true);
        Margins[] both = [.. all.Numbers().Select(n => new Margins(all.Tied[n].Spread, all.Ref[n].Gap ?? 0, all.Tied[n].Gap ?? 0))
            .Where(m => m.C is not null)];
        double[] ratios = [.. both.Where(m => m.C > 0).Select(m => Math.Tanh((m.M / m.C!.Value) - 1))];
        bool any = all.Numbers().Any();
        return Sum(
            all, any ? Share(both, m => m.T > m.C) : 0, any ? Share(both, m => m.M > m.C) : 0, ratios.Length > 0
                ? ratios.Sum() / ratios.Length : 0);
    }

    /// <summary>
    /// As the benchmark's repository has it since January 2026: with C = 0 the last term is 1, -1 or 0 by the sign of M; of two rows with
    /// one id all answers count together. NaN where the repository's code gives none or fails: no number in both kinds, a tied row with one
    /// right answer, a row without right or without wrong answers.
    /// </summary>
    public static double Repository(IReadOnlyList<ScoredAnswers> rows)
    {
        var all = Kinds.Of(rows, replace: false);
        Margins[] both = [.. all.Numbers().Select(n => new Margins(all.Tied[n].Spread, all.Ref[n].Gap ?? 0, all.Tied[n].Gap ?? 0))];
        if (both.Length == 0 || both.Any(m => m.C is null) || all.Rows.Any(row => row.Gap is null))
        {
            return double.NaN;
        }

        double[] ratios = [.. both.Select(m => m.M == 0 && m.C == 0 ? 0 : Math.Tanh((m.M / m.C!.Value) - 1))];
        return Sum(all, Share(both, m => m.T > m.C), Share(both, m => m.M > m.C), ratios.Sum() / ratios.Length);
    }

    /// <summary>Rows by number, ascending: what is drawn together for an interval.</summary>
    internal static IReadOnlyList<IReadOnlyList<ScoredAnswers>> ByNumber(IReadOnlyList<ScoredAnswers> rows) =>
        [.. rows.GroupBy(row => Number(row).Number).OrderBy(group => group.Key).Select(group => group.ToArray())];

    /// <summary>A formula on numbers that were drawn, the same one perhaps more than once: each draw is a number of its own.</summary>
    internal static double OfDraws(IReadOnlyList<IReadOnlyList<ScoredAnswers>> draws, Func<IReadOnlyList<ScoredAnswers>, double> formula) =>
        formula([.. draws.SelectMany((rows, i) => rows.Select(row => row with { Id = $"{(Number(row).IsRef ? "ref" : "tied")}:{i}" }))]);

    /// <summary>Whether an id is one of this subset's.</summary>
    internal static bool IsId(string id) =>
        id.Split(':') is ["ref" or "tied", var number]
            && long.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    private static double Sum(Kinds all, double preferred, double hard, double margin) =>
        (0.3 * Share([.. all.Tied.Values], row => row.Gap > 0, none: 0)) + (0.3 * Share([.. all.Ref.Values], row => row.Gap > 0, none: 0))
        + (0.2 * preferred) + (0.2 * hard) + (0.01 * margin);

    private static double Share<T>(IReadOnlyList<T> items, Func<T, bool> holds, double none = double.NaN) =>
        items.Count == 0 ? none : (double)items.Count(holds) / items.Count;

    private static (bool IsRef, long Number) Number(ScoredAnswers row) =>
        (row.Id.StartsWith("ref", StringComparison.Ordinal),
            long.Parse(row.Id.AsSpan(row.Id.IndexOf(':', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture));

    private readonly record struct Margins(double? C, double R, double T)
    {
        public double M => Math.Min(R, T);
    }

    /// <summary>
    /// A prompt's rewards: how far the right ones spread, null below two, and how far they are above the wrong ones, null without either.
    /// </summary>
    private readonly record struct Row(double? Spread, double? Gap)
    {
        public static Row Of(IReadOnlyList<(bool IsRight, double Reward)> answers)
        {
            double[] right = [.. answers.Where(a => a.IsRight).Select(a => a.Reward)],
                wrong = [.. answers.Where(a => !a.IsRight).Select(a => a.Reward)];
            return right.Length == 0 || wrong.Length == 0
                ? new Row(null, null)
                : new Row(right.Length > 1 ? right.Max() - right.Min() : null, right.Min() - wrong.Max());
        }
    }

    private sealed record Kinds(SortedDictionary<long, Row> Ref, SortedDictionary<long, Row> Tied)
    {
        public IEnumerable<Row> Rows => Ref.Values.Concat(Tied.Values);

        public IEnumerable<long> Numbers() => Tied.Keys.Where(Ref.ContainsKey);

        public static Kinds Of(IReadOnlyList<ScoredAnswers> rows, bool replace)
        {
            SortedDictionary<long, Row> Side(bool isRef) => new(rows.Where(r => Number(r).IsRef == isRef).GroupBy(r => Number(r).Number)
                .ToDictionary(group => group.Key, group => Row.Of(Together([.. group], replace))));
            return new Kinds(Side(isRef: true), Side(isRef: false));
        }

        private static List<(bool IsRight, double Reward)> Together(IReadOnlyList<ScoredAnswers> rows, bool replace)
        {
            var answers = new List<(bool, double)>();
            foreach (ScoredAnswers row in rows)
            {
                for (int i = 0; i < row.Rewards.Count; i++)
                {
                    (bool, double) answer = (i < row.Correct, row.Rewards[i]);
                    if (replace && i < answers.Count)
                    {
                        answers[i] = answer;
                    }
                    else
                    {
                        answers.Add(answer);
                    }
                }
            }

            return answers;
        }
    }
}
