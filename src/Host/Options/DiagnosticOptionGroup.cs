using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Diagnostics;

namespace Rm.Host.Options;

/// <summary>A diagnostic: training rows transformed so that a sound pipeline must give a known result.</summary>
internal sealed class DiagnosticOptionGroup : OptionGroup
{
    /// <summary>Name of the option that chooses the diagnostic.</summary>
    public const string ModeName = "--diagnostic-mode";

    /// <summary>Name of the option with the run to compare with.</summary>
    public const string BaselineName = "--diagnostic-baseline";

    private static readonly Dictionary<string, DiagnosticMode> Modes =
        Enum.GetValues<DiagnosticMode>().ToDictionary(DiagnosticOptions.NameOf, mode => mode, StringComparer.Ordinal);

    private static readonly Dictionary<string, bool> Evaluations = new(StringComparer.Ordinal) { ["real"] = false, ["transformed"] = true };

    private readonly Option<string?> _mode;
    private readonly Option<double> _shuffleRate;
    private readonly Option<int> _lengthThreshold;
    private readonly Option<ulong> _seed;
    private readonly Option<string> _eval;
    private readonly Option<string?> _baseline;

    public DiagnosticOptionGroup()
    {
        _mode = AddOptional<string>(
            ModeName, $"Transform the training rows to test the pipeline: {string.Join(", ", Modes.Keys)}.", "NAME");
        _shuffleRate = Add("--diagnostic-shuffle-rate", "label_shuffle: share of the rows whose sides are swapped.", 0.5, "SHARE");
        _lengthThreshold = Add(
            "--diagnostic-length-threshold", "length_matched: drop pairs whose lengths differ by this many tokens or more.", 50, "TOKENS");
        _seed = Add("--diagnostic-seed", "Decides which rows are swapped and which responses are drawn.", 42UL, "N");
        _eval = Add("--diagnostic-eval", "Evaluation rows stay real, or are transformed too.", "real", "NAME");
        _baseline = AddOptional<string>(BaselineName, "length_matched: the finished run without a diagnostic to compare with.", "RUN");
    }

    /// <summary>The diagnostic, or null. Throws <see cref="UserInputException"/> for values that make no sense.</summary>
    public DiagnosticOptions? Read(ParseResult result)
    {
        Require(result.GetValue(_shuffleRate) is >= 0 and <= 1, _shuffleRate, "must be 0 to 1");
        Require(result.GetValue(_lengthThreshold) >= 1, _lengthThreshold, "must be at least 1");
        bool transformEval = Choose(result, _eval, Evaluations);
        return result.GetValue(_mode) is null ? null : new DiagnosticOptions(
            Choose(result, _mode!, Modes), result.GetValue(_shuffleRate), result.GetValue(_lengthThreshold), result.GetValue(_seed),
            transformEval);
    }

    /// <summary>Folder of the run to compare with, or null.</summary>
    public string? Baseline(ParseResult result) => result.GetValue(_baseline);
}
