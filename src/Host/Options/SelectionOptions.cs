using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Rows;

namespace Rm.Host.Options;

/// <summary>Which of the training rows are used. Evaluation rows are never filtered: results must be of what is there.</summary>
internal sealed class SelectionOptions : OptionGroup
{
    private static readonly Dictionary<string, SampleMode> Samples =
        new(StringComparer.Ordinal) { ["first"] = SampleMode.First, ["random"] = SampleMode.Random };

    private readonly Option<double?> _minScoreRatio;
    private readonly Option<long?> _maxPairsPerPost;
    private readonly Option<string> _sample;

    public SelectionOptions()
    {
        _minScoreRatio = AddOptional<double?>("--min-score-ratio", "Train on rows with at least this score_ratio only (SHP).", "X");
        _maxPairsPerPost =
            AddOptional<long?>("--max-pairs-per-post", "Train on at most this many rows of a post_id (SHP), the first ones.", "N");
        _sample = Add("--sample", "Which rows --limit takes: first or random (decided by --seed).", "first", "NAME");
    }

    /// <summary>The selection, without a limit. Throws <see cref="UserInputException"/> for values that make no sense.</summary>
    public RowSelection Read(ParseResult result, ulong seed)
    {
        Require(result.GetValue(_minScoreRatio) is null or (> 0 and < double.PositiveInfinity), _minScoreRatio, "must be above 0");
        Require(result.GetValue(_maxPairsPerPost) is not <= 0, _maxPairsPerPost, "must be at least 1");
        return new RowSelection(
            null, result.GetValue(_minScoreRatio), result.GetValue(_maxPairsPerPost), Choose(result, _sample, Samples), seed);
    }
}
