using System.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Evaluation;
using Rm.Training.Model;
using Rm.Training.Statistics;

namespace Rm.Training.Loop;

/// <summary>
/// The training loop: steps, metrics, evaluations, best and final models, checkpoints, early stopping, and stopping on request. Given the
/// same inputs it computes the same bits whether or not it was interrupted and resumed in between.
/// </summary>
public sealed class Trainer
{
    private readonly RewardModel _model;
    private readonly TrainingOptions _options;
    private readonly RunDirectory _run;
    private readonly CheckpointStore _store;
    private readonly IReadOnlyList<PreferencePair> _evalPairs;
    private readonly IBatchPlan _plan;
    private readonly IRunCalendar _calendar;
    private readonly BestCriterion _best;
    private readonly bool _keepsBestCheckpoint;
    private readonly IRunRecorder? _recorder;
    private readonly ModelSaver _saver;
    private readonly ITrainingProgress _progress;
    private readonly StopSignals _signals;
    private readonly Action<ReadOnlyMemory<byte>>? _metricsWritten;
    private readonly SampleLog? _samples;
    private readonly IStepInstruments? _instruments;
    private readonly Stopwatch _clock = new();
    private readonly double _secondsBefore;
    private TrainerState _state;
    private double _windowStart;
    private long _windowTokens;
    private EvaluationResult? _lastEvaluation;
    private int _savedStep;
    private string? _savedPath;

    /// <summary>A trainer that begins at <paramref name="state"/>.</summary>
    public Trainer(TrainingJob job, TrainerState state, ITrainingProgress progress, StopSignals signals)
    {
        _model = job.Model;
        _options = job.Options;
        _run = job.Run;
        _store = job.Store;
        _evalPairs = job.EvalPairs;
        _plan = job.Plan ?? job.Options.Plan(job.TrainPairs);
        _calendar = job.Calendar ?? new StepCalendar(job.Options);
        _best = job.Best ?? BestCriterion.Of(job.Options.BestMetric);
        _keepsBestCheckpoint = job.Best is not null;
        _recorder = job.Recorder;
        _saver = job.Saver;
        _progress = progress;
        _signals = signals;
        _metricsWritten = job.MetricsWritten;
        _instruments = job.Instruments;
        _state = state;
        _secondsBefore = state.ElapsedSeconds;
        _samples = job.Options.LogSamples > 0 && job.EvalPairs.Count > 0
            ? new SampleLog(job.Run.SamplesFile, job.EvalPairs, job.Options.LogSamples, job.Encoder)
            : null;
    }

    /// <summary>
    /// Trains to the end, or until patience or a signal ends it. Throws <see cref="TrainingFailedException"/> when numbers stop being
    /// finite.
    /// </summary>
    public TrainingOutcome Run()
    {
        try
        {
            return Train();
        }
        catch (NonFiniteException e)
        {
            string good = _store.List() is [var newest, ..] ? $"The last good checkpoint is {newest.Path}." : "There is no checkpoint yet.";
            throw new TrainingFailedException($"{e.Message} {good} A lower --lr, or a look at these rows, usually helps.", e);
        }
    }

    private bool IsExhausted => _state.Best?.IsExhausted(_options.EarlyStoppingPatience) ?? false;

    private double Elapsed => _clock.Elapsed.TotalSeconds;

    private TrainingOutcome Train()
    {
        using var metrics = new MetricsLog(_run.MetricsFile, _state, _metricsWritten);
        _samples?.TruncateAfter(_state.LastEvalStep);
        var runner = new StepRunner(_model, _options, _progress.Message);
        _clock.Start();
        _windowTokens = _state.NumTokens;

        // A run that was stopped after a step but before its evaluation owes that evaluation, and a checkpoint that has it.
        _savedStep = _state.Step;
        if (!EvaluateWhenDue(metrics))
        {
            return Interrupt(metrics);
        }

        SaveWhenDue(metrics);
        while (_state.Step < _options.Steps && !IsExhausted)
        {
            if (_signals.Received is not null)
            {
                return Interrupt(metrics);
            }

            double stepStart = Elapsed;
            _instruments?.BeforeStep(_state.Step + 1);
            StepResult result = RunStep(runner, metrics);
            _instruments?.AfterStep(_state.Step + 1);
            _state = _state with
            {
                Step = _state.Step + 1,
                NumTokens = _state.NumTokens + result.Tokens,
                Window = (_state.Window ?? new MetricsWindow()).With(result),
            };
            _progress.Step(_state.Step, _options.Steps, result, Elapsed - stepStart);
            bool logs = _calendar.LogsAt(_state.Step);
            if (logs || _state.Step == _options.Steps)
            {
                WriteWindow(metrics);
            }

            _recorder?.Stepped(_state.Step, _plan.EpochAt(_state.Step), result, logs);

            if (!EvaluateWhenDue(metrics))
            {
                return Interrupt(metrics);
            }

            SaveWhenDue(metrics);
        }

        return Finish(metrics);
    }

    private StepResult RunStep(StepRunner runner, MetricsLog metrics)
    {
        try
        {
            return runner.Run(_state.Step, _plan.BatchAt(_state.Step));
        }
        catch (MemoryExhaustedException e)
        {
            throw new TrainingFailedException($"{e.Message} {KeepLastStep(metrics)}", e);
        }
    }

    // What was computed so far is good, and another process may have the memory to go on.
    private string KeepLastStep(MetricsLog metrics)
    {
        try
        {
            return _state.Step == 0
                ? "No step is complete."
                : $"Step {_state.Step} is complete and saved in {SaveCheckpoint(metrics)}: go on with --resume auto and --recompute full.";
        }
        catch (Exception e) when (_model.Backend.IsOutOfMemory(e))
        {
            return _store.List() is [var newest, ..] ? $"The newest checkpoint is {newest.Path}." : "There is no checkpoint yet.";
        }
    }

    /// <summary>Writes the line of metrics for the steps since the last one.</summary>
    private void WriteWindow(MetricsLog metrics)
    {
        double rate = (_state.NumTokens - _windowTokens) / Math.Max(1e-9, Elapsed - _windowStart);
        metrics.Train(
            _state.Step, _plan.EpochAt(_state.Step), _state.Window!, _options.LearningRate * _options.Schedule.Factor(_state.Step - 1),
            _state.NumTokens, _secondsBefore + Elapsed, rate, _instruments);
        _state = _state with { Window = null };
        (_windowStart, _windowTokens) = (Elapsed, _state.NumTokens);
    }

    /// <summary>Evaluates when this step asks for it; false when a signal cut it short.</summary>
    private bool EvaluateWhenDue(MetricsLog metrics)
    {
        if (_evalPairs.Count == 0 || _state.LastEvalStep == _state.Step || !_calendar.EvaluatesAt(_state.Step))
        {
            return true;
        }

        double start = Elapsed;
        PairRewards rewards;
        try
        {
            rewards = PairEvaluator.Score(_model, _evalPairs, _options.MicroTokenBudget, _options.SharePrefix, done =>
            {
                _progress.Evaluating(done, _evalPairs.Count);
                if (_signals.Received is not null)
                {
                    throw new OperationCanceledException();
                }
            });
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        var result = EvaluationResult.From(_evalPairs, rewards, _options.Loss, _options.RankingLoss);
        (BestSoFar best, bool improved) = (_state.Best ?? new BestSoFar()).After(
            _best.Value(result, rewards), _state.Step, _best.HigherIsBetter, _options.EarlyStoppingMinDelta);
        metrics.Evaluation(_state.Step, _plan.EpochAt(_state.Step), result);
        _samples?.Write(_state.Step, rewards);
        SaveRows(rewards, improved);
        if (improved && _run.Layout.KeepsBest)
        {
            _saver.Save(_run.Best);
        }

        _state = _state with { LastEvalStep = _state.Step, Best = best };
        _savedStep = -1;
        _lastEvaluation = result;
        _recorder?.Evaluated(_state.Step, _plan.EpochAt(_state.Step), result, rewards, Elapsed - start, improved);
        _progress.Evaluated(_state.Step, result, improved);
        return true;
    }

    /// <summary>Keeps every pair's rewards, for analyses and paired tests between runs.</summary>
    private void SaveRows(PairRewards rewards, bool best)
    {
        IReadOnlyList<EvalRow> rows = rewards.ToRows(_evalPairs);
        EvalRowFile.Write(_run.LastEvalRows, rows);
        if (best)
        {
            EvalRowFile.Write(_run.BestEvalRows, rows);
        }
    }

    private void SaveWhenDue(MetricsLog metrics)
    {
        bool improved = _state.LastEvalStep == _state.Step && _state.Best?.BestStep == _state.Step;
        if (_savedStep != _state.Step && _calendar.SavesAt(_state.Step, improved))
        {
            SaveCheckpoint(metrics);
        }
    }

    private string SaveCheckpoint(MetricsLog metrics)
    {
        // A resumed run does not write the lines before its checkpoint again, so they must be no less durable than it.
        metrics.Sync();
        string path = _store.Save(
            _state with { ElapsedSeconds = _secondsBefore + Elapsed }, _options.KeepCheckpoints, _recorder?.CheckpointFiles() ?? [],
            _keepsBestCheckpoint ? _state.Best?.BestStep : null);
        (_savedStep, _savedPath) = (_state.Step, path);
        _progress.Message($"Saved {path}");
        return path;
    }

    private TrainingOutcome Interrupt(MetricsLog metrics)
    {
        string path = SaveCheckpoint(metrics);
        return new TrainingOutcome(TrainingEnd.Interrupted, _state, _lastEvaluation, path);
    }

    private TrainingOutcome Finish(MetricsLog metrics)
    {
        // Early stopping leaves steps since the last line.
        if (_state.Window is not null)
        {
            WriteWindow(metrics);
            _savedStep = -1;
        }

        // No calendar knows of a step at which patience is used up.
        if (IsExhausted && _savedStep != _state.Step)
        {
            SaveCheckpoint(metrics);
        }

        if (_run.Layout.KeepsFinal)
        {
            _saver.Save(_run.Final);
        }

        // The last evaluation may have been an earlier session's: the same model gives the same figures again.
        if (_lastEvaluation is null && _state.LastEvalStep == _state.Step && _evalPairs.Count > 0)
        {
            PairRewards rewards = PairEvaluator.Score(_model, _evalPairs, _options.MicroTokenBudget, _options.SharePrefix);
            _lastEvaluation = EvaluationResult.From(_evalPairs, rewards, _options.Loss, _options.RankingLoss);
        }

        _state = _state with { ElapsedSeconds = _secondsBefore + Elapsed };
        TrainingEnd end = _state.Step < _options.Steps ? TrainingEnd.EarlyStopped : TrainingEnd.Completed;
        return new TrainingOutcome(end, _state, _lastEvaluation, _savedPath);
    }
}
