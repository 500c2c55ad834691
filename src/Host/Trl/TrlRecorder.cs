using Rm.Formats;
using Rm.Formats.Json;
using Rm.Training.Evaluation;
using Rm.Training.Loop;

namespace Rm.Host.Trl;

/// <summary>
/// Makes TRL's lines of a run's steps and evaluations, prints them as transformers' trainer does, and keeps them as <c>log_history</c> in
/// the checkpoints' trainer_state.json.
/// </summary>
internal sealed class TrlRecorder : IRunRecorder
{
    private const string Prefix = "eval_";

    private readonly TrlSettings _settings;
    private readonly TrlCalendar _calendar;
    private readonly int _steps;
    private readonly int _epochs;
    private readonly TextWriter _output;
    private readonly List<TrlLogEntry> _history = [];
    private TrlWindow _window = new();
    private long _tokens;
    private double _epoch;
    private int _step;
    private bool _wasEvaluated;
    private StepResult? _unlogged;
    private (double Value, int Step)? _best;

    /// <summary>
    /// A recorder of a run of <paramref name="steps"/>, begun epochs <paramref name="epochs"/>, that prints to <paramref name="output"/>.
    /// </summary>
    public TrlRecorder(TrlSettings settings, TrlCalendar calendar, int steps, int epochs, TextWriter output) =>
        (_settings, _calendar, _steps, _epochs, _output) = (settings, calendar, steps, epochs, output);

    /// <summary>The figures of an evaluation that can decide which model is best.</summary>
    public static IReadOnlyList<string> EvaluationMetrics { get; } =
        [$"{Prefix}loss", .. new TrlWindow().Figures(0, Prefix).Select(figure => figure.Key).Where(name => name != $"{Prefix}num_tokens")];

    /// <summary>What decides which model is best, or null.</summary>
    public BestCriterion? Best() => _settings.BestMetric is not { } metric
        ? null
        : new BestCriterion(_settings.HigherIsBetter, (result, rewards) => Figure(metric, result, rewards));

    /// <summary>Goes on from a checkpoint. Throws <see cref="UserInputException"/>.</summary>
    public void Restore(string checkpoint, TrainerState state)
    {
        string window = Path.Combine(checkpoint, TrlWindow.FileName), log = Path.Combine(checkpoint, TrlTrainerState.FileName);
        _window = TrlWindow.Parse(JsonInput.ReadFile(window), window);
        _history.AddRange(TrlTrainerState.ReadHistory(log));
        (_step, _tokens) = (state.Step, state.NumTokens);
        _best = state.Best is { BestValue: { } value } best ? (value, best.BestStep) : null;
        _wasEvaluated = state.LastEvalStep == state.Step;
    }

    /// <inheritdoc/>
    public void Stepped(int step, double epoch, StepResult result, bool logs)
    {
        (_step, _epoch, _wasEvaluated) = (step, epoch, false);
        _tokens += result.Tokens;
        _window = _window with { Loss = _window.Loss + result.Loss };
        int start = 0;
        foreach (int size in result.GroupSizes ?? [result.Rewards.Count])
        {
            _window = _window.With(result.Rewards, start, size);
            start += size;
        }

        if (logs)
        {
            _unlogged = result;
            if (!_calendar.LogsAfterEvaluating(step))
            {
                Log();
            }
        }
    }

    /// <inheritdoc/>
    public void Evaluated(int step, double epoch, EvaluationResult result, PairRewards rewards, double seconds, bool isBest)
    {
        (_step, _epoch, _wasEvaluated) = (step, epoch, true);
        int batches = (rewards.Count + _settings.EvalBatchSize - 1) / _settings.EvalBatchSize;
        Print(new TrlLogEntry(step,
        [
            new($"{Prefix}loss", result.Loss), .. Speed(Prefix, seconds, rewards.Count, batches),
            .. Batches(rewards).Figures(_tokens, Prefix), new("epoch", epoch),
        ]));
        if (isBest && _settings.BestMetric is { } metric)
        {
            _best = (Figure(metric, result, rewards), step);
        }

        Log();
    }

    /// <inheritdoc/>
    public IEnumerable<(string Name, byte[] Content)> CheckpointFiles()
    {
        Log();
        return
        [
            (TrlWindow.FileName, _window.ToJson()),
            (TrlTrainerState.FileName, new TrlTrainerState(_settings, _steps, _epochs, _step, EpochNow, _best, _history).ToJson()),
        ];
    }

    /// <summary>
    /// Prints the last line: the mean loss of all steps, and what is left of a window unless the last step was evaluated.
    /// </summary>
    public void Finish(double seconds, double samples)
    {
        double loss = (_window.TotalLoss + _window.Loss) / Math.Max(_step, 1);
        Print(new TrlLogEntry(_step,
        [
            .. Speed("train_", seconds, samples, _steps), new("train_loss", loss), .. _window.Batches > 0 && !_wasEvaluated
                ? _window.Figures(_tokens)
                : [],
            new("epoch", EpochNow),
        ]));
    }

    // TRL leaves the figures of training out of a line that is written while the model is in the mode of an evaluation, and keeps them.
    private void Log()
    {
        if (_unlogged is not { } result)
        {
            return;
        }

        Print(new TrlLogEntry(_step,
        [
            new("loss", _window.Loss / (_step - _window.LastLogged)), new("grad_norm", result.GradNorm),
            new("learning_rate", result.LearningRate), .. _wasEvaluated ? [] : _window.Figures(_tokens), new("epoch", _epoch),
        ]));
        _window = _wasEvaluated ? _window.LoggedWithoutFigures(_step) : _window.Logged(_step);
        _unlogged = null;
    }

    // A run that is resumed at its end makes no step.
    private double EpochNow => _epoch > 0 || _history is not [.., var last] ? _epoch : last["epoch"] ?? _epoch;

    private TrlWindow Batches(PairRewards rewards)
    {
        var window = new TrlWindow();
        for (int start = 0; start < rewards.Count; start += _settings.EvalBatchSize)
        {
            window = window.With(rewards, start, Math.Min(_settings.EvalBatchSize, rewards.Count - start));
        }

        return window;
    }

    private double Figure(string metric, EvaluationResult result, PairRewards rewards) => metric == $"{Prefix}loss"
        ? result.Loss
        : Batches(rewards).Figures(_tokens, Prefix).First(figure => figure.Key == metric).Value;

    private static IEnumerable<KeyValuePair<string, double>> Speed(string prefix, double seconds, double samples, int steps) =>
    [
        new($"{prefix}runtime", Math.Round(seconds, 4)),
        new($"{prefix}samples_per_second", Math.Round(samples / Math.Max(1e-9, seconds), 3)),
        new($"{prefix}steps_per_second", Math.Round(steps / Math.Max(1e-9, seconds), 3)),
    ];

    private void Print(TrlLogEntry entry)
    {
        _history.Add(entry);
        _output.WriteLine(entry.ToLine());
        _output.Flush();
    }
}
