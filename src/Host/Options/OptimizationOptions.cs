using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Kernels.Ops;
using Rm.Training.Batching;
using Rm.Training.Loop;
using Rm.Training.RandomNumbers;

namespace Rm.Host.Options;

/// <summary>Steps, optimizer, loss and schedule.</summary>
internal sealed class OptimizationOptions : OptionGroup
{
    private static readonly Dictionary<string, ScheduleKind> Schedules = new(StringComparer.Ordinal)
    {
        ["cosine"] = ScheduleKind.Cosine,
        ["linear"] = ScheduleKind.Linear,
        ["constant_with_warmup"] = ScheduleKind.ConstantWithWarmup,
        ["constant"] = ScheduleKind.Constant,
    };

    private static readonly Dictionary<string, ExampleOrder> Orders =
        new(StringComparer.Ordinal) { ["shuffle"] = ExampleOrder.Shuffle, ["sequential"] = ExampleOrder.Sequential };

    private static readonly Dictionary<string, RankingLossKind?> RankingLosses = new(StringComparer.Ordinal)
    {
        ["pairs"] = null,
        ["pairwise"] = RankingLossKind.Pairwise,
        ["plackett-luce"] = RankingLossKind.PlackettLuce,
    };

    private static readonly Dictionary<string, BestMetric> BestMetrics =
        new(StringComparer.Ordinal) { ["accuracy"] = BestMetric.Accuracy, ["loss"] = BestMetric.Loss };

    private readonly Option<int?> _steps;
    private readonly Option<double?> _epochs;
    private readonly Option<int> _batchSize;
    private readonly Option<int> _microTokenBudget;
    private readonly Option<double> _lr;
    private readonly Option<double> _weightDecay;
    private readonly Option<string> _scheduler;
    private readonly Option<int> _warmupSteps;
    private readonly Option<double?> _warmupRatio;
    private readonly Option<double> _maxGradNorm;
    private readonly Option<bool> _differentialLr;
    private readonly Option<double> _backboneLrMult;
    private readonly Option<double?> _loraPlusRatio;
    private readonly Option<double> _loraPlusEmbeddingLr;
    private readonly Option<bool> _headOnlyWeightDecay;
    private readonly Option<double> _beta;
    private readonly Option<double> _labelSmoothing;
    private readonly Option<double> _scoreRegularization;
    private readonly Option<double> _regularization;
    private readonly Option<string> _rankingLoss;
    private readonly Option<int> _evalEvery;
    private readonly Option<bool> _evalOnStart;
    private readonly Option<int> _saveEvery;
    private readonly Option<int> _keepCheckpoints;
    private readonly Option<int> _logEvery;
    private readonly Option<int> _logSamples;
    private readonly Option<int> _patience;
    private readonly Option<double> _minDelta;
    private readonly Option<string> _bestMetric;
    private readonly Option<ulong> _seed;
    private readonly Option<string> _order;
    private readonly Option<bool> _noPrefixSharing;
    private readonly Option<string?> _rng;

    public OptimizationOptions()
    {
        _steps = AddOptional<int?>("--steps", "Optimizer steps; default: what --epochs takes.", "N");
        _epochs = AddOptional<double?>("--epochs", "Passes over the training pairs when --steps is not given; default 1.", "N");
        _batchSize = Add("--batch-size", "Pairs of a step; rows with --ranking-loss pairwise and plackett-luce.", 16, "N");
        _microTokenBudget = Add(CreateMicroTokenBudget());
        _lr = Add("--lr", "Peak learning rate.", 5e-5, "RATE");
        _weightDecay = Add("--weight-decay", "AdamW weight decay.", 0.01, "D");
        _scheduler = Add("--lr-scheduler", "cosine, linear, constant_with_warmup or constant.", "cosine", "NAME");
        _warmupSteps = Add("--warmup-steps", "Steps of linear warm-up; the first has rate 0.", 0, "N");
        _warmupRatio = AddOptional<double?>("--warmup-ratio", "Warm-up as a share of the steps, when --warmup-steps is 0.", "SHARE");
        _maxGradNorm = Add("--max-grad-norm", "Clip the gradient's global norm; 0 for never.", 1.0, "NORM");
        _differentialLr = AddFlag("--differential-lr", "Train everything but the head at --lr times --backbone-lr-mult.");
        _backboneLrMult = Add("--backbone-lr-mult", "Factor of --differential-lr.", 0.1, "X");
        _loraPlusRatio =
            AddOptional<double?>("--loraplus-lr-ratio", "LoRA+: factor on the learning rate of B factors, biases and magnitudes.", "X");
        _loraPlusEmbeddingLr = Add("--loraplus-lr-embedding", "LoRA+: learning rate of the embedding's factors.", 1e-6, "RATE");
        _headOnlyWeightDecay = AddFlag("--head-only-weight-decay", "Decay the head only.");
        _beta = Add("--beta", "Factor on the reward difference in the loss.", 1.0, "BETA");
        _labelSmoothing = Add("--label-smoothing", "eps: targets 1 - eps and eps.", 0.0, "EPS");
        _scoreRegularization = Add("--score-regularization-lambda", "Weight of the squared rewards.", 0.0, "L");
        _regularization = Add("--regularization-lambda", "Weight of the squared reward difference.", 0.0, "L");
        _rankingLoss = Add(
            "--ranking-loss", "Rows of several answers: pairs (each pair an example), pairwise (each row one: the mean over its pairs) or "
                + "plackett-luce (the likelihood of the ranking).", "pairs", "NAME");
        _evalEvery = Add("--eval-every", "Steps between evaluations; 0 for the end only.", 100, "N");
        _evalOnStart = AddFlag("--eval-on-start", "Evaluate before the first step too.");
        _saveEvery = Add("--save-every", "Steps between checkpoints; 0 for the end only.", 100, "N");
        _keepCheckpoints = Add("--keep-checkpoints", "Checkpoints to keep.", 3, "N");
        _logEvery = Add("--log-every", "Steps between lines of metrics.", 10, "N");
        _logSamples = Add("--log-samples", "Evaluation pairs written to samples.jsonl with texts and rewards.", 0, "N");
        _patience = Add("--early-stopping-patience", "Evaluations without improvement before stopping; 0 for never.", 0, "N");
        _minDelta = Add("--early-stopping-min-delta", "Least change that counts as improvement.", 0.0, "X");
        _bestMetric = Add("--best-metric", "What decides which model is best: accuracy or loss.", "accuracy", "NAME");
        _seed = Add("--seed", "Seed of initialisation, random samples of the data, shuffling and dropout.", 42UL, "N");
        _order = Add("--order", "shuffle or sequential.", "shuffle", "NAME");
        _noPrefixSharing = AddFlag("--no-prefix-sharing", "Compute what both sides begin with twice.");
        _rng = AddOptional<string>(
            "--rng", "Draw head, factors and order as btrm does (the default), or torch: the bits that PyTorch, transformers and PEFT "
                + "draw from this seed.", "NAME");
    }

    /// <summary>The option for the size of micro-batches, for commands that take no others of these.</summary>
    public static Option<int> CreateMicroTokenBudget() =>
        new("--micro-token-budget")
        {
            Description = "Most packed tokens computed at once.",
            DefaultValueFactory = _ =>
            8192,
            HelpName = "N"
        };

    /// <summary>The seed, which also decides a random sample of the data.</summary>
    public ulong Seed(ParseResult result) => result.GetValue(_seed);

    /// <summary>How rankings are compared, or null when each of their pairs is an example.</summary>
    public RankingLossKind? RankingLoss(ParseResult result) => Choose(result, _rankingLoss, RankingLosses);

    /// <summary>The settings; <paramref name="train"/> turns epochs into steps.</summary>
    public TrainingOptions Read(ParseResult result, PairDataset train)
    {
        RankingLossKind? ranking = RankingLoss(result);
        int examples = ranking is null ? train.Pairs.Count : PairGroup.ByRow(train.Pairs).Count;
        int batchSize = result.GetValue(_batchSize);
        int steps = result.GetValue(_steps)
            ?? checked((int)Math.Max(1, Math.Ceiling((result.GetValue(_epochs) ?? 1) * examples / batchSize)));
        int warmup = result.GetValue(_warmupSteps);
        if (warmup == 0 && result.GetValue(_warmupRatio) is { } ratio)
        {
            warmup = (int)Math.Ceiling(steps * ratio);
        }

        var loss = new PairLossOptions(
            (float)result.GetValue(_beta), (float)result.GetValue(_labelSmoothing), (float)result.GetValue(_scoreRegularization),
            (float)result.GetValue(_regularization));
        return new TrainingOptions(
            steps, batchSize, result.GetValue(_microTokenBudget), result.GetValue(_lr), result.GetValue(_weightDecay),
            new LearningRateSchedule(Choose(result, _scheduler, Schedules), warmup, steps), result.GetValue(_maxGradNorm), loss,
            result.GetValue(_seed),
            Choose(result, _order, Orders))
        {
            RandomSource = Rng(result),
            SharePrefix = !result.GetValue(_noPrefixSharing),
            RankingLoss = ranking,
            BackboneLearningRateMultiplier = result.GetValue(_differentialLr) ? result.GetValue(_backboneLrMult) : 1,
            LoraPlusRatio = result.GetValue(_loraPlusRatio),
            LoraPlusEmbeddingRate = result.GetValue(_loraPlusEmbeddingLr),
            HeadOnlyWeightDecay = result.GetValue(_headOnlyWeightDecay),
            EvalEvery = result.GetValue(_evalEvery),
            EvalOnStart = result.GetValue(_evalOnStart),
            SaveEvery = result.GetValue(_saveEvery),
            KeepCheckpoints = result.GetValue(_keepCheckpoints),
            LogEvery = result.GetValue(_logEvery),
            LogSamples = result.GetValue(_logSamples),
            EarlyStoppingPatience = result.GetValue(_patience),
            EarlyStoppingMinDelta = result.GetValue(_minDelta),
            BestMetric = Choose(result, _bestMetric, BestMetrics),
        };
    }

    // No default value: runs of before this option can be resumed.
    private RandomSource Rng(ParseResult result) => result.GetValue(_rng) switch
    {
        null or "btrm" => RandomSource.Btrm,
        "torch" => RandomSource.Torch,
        var other => throw new UserInputException(
            $"{_rng.Name} '{other}' is not known{NameSuggestion.DidYouMean(other, ["btrm", "torch"])}. Choose one of: btrm, torch."),
    };

    /// <summary>Peak learning rate.</summary>
    public double LearningRate(ParseResult result) => result.GetValue(_lr);

    /// <summary>
    /// Throws <see cref="UserInputException"/> for values that make no sense; called before the data is read, which may take long.
    /// </summary>
    public void Check(ParseResult result)
    {
        Choose(result, _scheduler, Schedules);
        Choose(result, _order, Orders);
        Choose(result, _bestMetric, BestMetrics);
        Rng(result);
        Require(result.GetValue(_steps) is not <= 0, _steps, "must be at least 1");
        Require(result.GetValue(_epochs) is null or (> 0 and <= 1e6), _epochs, "must be above 0");
        foreach (Option<int> option in new[] { _batchSize, _microTokenBudget, _logEvery, _keepCheckpoints })
        {
            Require(result.GetValue(option) >= 1, option, "must be at least 1");
        }

        foreach (Option<int> option in new[] { _warmupSteps, _evalEvery, _saveEvery, _logSamples, _patience })
        {
            Require(result.GetValue(option) >= 0, option, "must be 0 or more");
        }

        foreach (Option<double> option in new[] { _lr, _weightDecay, _maxGradNorm, _scoreRegularization, _regularization, _minDelta,
            _backboneLrMult })
        {
            Require(result.GetValue(option) is >= 0 and < double.PositiveInfinity, option, "must be a number of 0 or more");
        }

        Require(
            result.GetValue(_differentialLr) || result.GetResult(_backboneLrMult) is null or { Implicit: true }, _backboneLrMult,
            "is a factor of --differential-lr, which is not given: add it, or leave this away");
        Require(result.GetValue(_warmupRatio) is null or (>= 0 and <= 1), _warmupRatio, "must be 0 to 1");
        Require(result.GetValue(_labelSmoothing) is >= 0 and < 0.5, _labelSmoothing, "must be at least 0 and below 0.5");
        Require(
            result.GetValue(_labelSmoothing) == 0 || RankingLoss(result) != RankingLossKind.PlackettLuce, _labelSmoothing,
            "is defined for pairs, not for --ranking-loss plackett-luce: leave it away, or choose pairwise");
        Require(result.GetValue(_beta) is > 0 and < double.PositiveInfinity, _beta, "must be above 0");
    }
}
