using System.Text.Json.Nodes;
using Rm.Formats.Safetensors;
using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>
/// A stop request at every single point at which the loop can hear one (after each step, during each part of each evaluation), once and
/// again in the resumed run: the end is that of a run that was never stopped.
/// </summary>
public sealed class InterruptionTests
{
    private const int Steps = 8;

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_stop_at_any_point_changes_nothing(int patience)
    {
        using var scratch = new ScratchFolder();
        var points = new PointCounter(stopAt: -1, signals: null);
        Outcome reference = Run(scratch["reference"], patience, points);
        Assert.Equal(patience > 0 ? TrainingEnd.EarlyStopped : TrainingEnd.Completed, reference.End);
        Assert.True(points.Count > Steps, $"{points.Count} points");
        for (int first = 0; first < points.Count; first++)
        {
            // Stops in one session after another, at the same distance: the second one often falls into the work that the first had begun.
            string folder = scratch[$"stop-{first}"];
            int sessions = 1;
            Outcome outcome = Run(folder, patience, new PointCounter(first, null));
            while (outcome.End == TrainingEnd.Interrupted)
            {
                outcome = Run(folder, patience, new PointCounter(++sessions < 4 ? first % 3 : -1, null));
            }

            Assert.Equal(reference.End, outcome.End);
            Assert.Equal(reference.Weights, outcome.Weights);
            Assert.Equal(reference.Best, outcome.Best);
            Assert.Equal(reference.Metrics, outcome.Metrics);
            Assert.Equal(reference.Samples, outcome.Samples);
            Assert.Equal(reference.EvalLoss, outcome.EvalLoss);
        }
    }

    [Fact]
    public void A_process_that_dies_after_repeating_an_evaluation_leaves_one_line_of_it()
    {
        using var scratch = new ScratchFolder();
        Outcome reference = Run(scratch["reference"], 0, new PointCounter(-1, null));

        // Interrupted in the evaluation of step 4, so that the checkpoint of step 4 still owes it; the next session evaluates, then dies.
        string folder = scratch["out"];
        Run(folder, 0, new PointCounter(-1, null) { StopInEvaluationOf = 4 });
        Assert.Throws<TimeoutException>(() => Run(folder, 0, new PointCounter(-1, null) { DieAfterEvaluationOf = 4 }));
        Outcome outcome = Run(folder, 0, new PointCounter(-1, null));
        Assert.Equal(reference.Metrics, outcome.Metrics);
        Assert.Equal(reference.Samples, outcome.Samples);
        Assert.Equal(reference.Weights, outcome.Weights);
    }

    private static Outcome Run(string folder, int patience, PointCounter progress)
    {
        var golden = new GoldenCase("qwen2-tiny");
        var config = ModelConfig.Load(golden.ModelFolderPath);
        var scope = new TrainingScope(new LoraSettings(2, 16, WeightNames.Modules, Dropout: 0.1), TrainsEverything: false);
        using var backend = new CpuBackend(1);
        using var weights = CheckpointWeights.Open(golden.ModelFolderPath, config);
        using var model = new RewardModel(backend, config, new CheckpointWeightSource(weights), scope, training: true);
        ModelStart.Initialize(model, null, seed: 7);
        var options = new TrainingOptions(
            Steps, 2, 40, 2e-2, 0.01, new LearningRateSchedule(ScheduleKind.Cosine, 2, Steps), 1, new PairLossOptions(), 7,
            ExampleOrder.Shuffle)
        {
            EvalEvery = 2,
            EvalOnStart = true,
            SaveEvery = 3,
            LogEvery = 3,
            LogSamples = 1,
            EarlyStoppingPatience = patience,
            EarlyStoppingMinDelta = patience > 0 ? 100 : 0,
            BestMetric = BestMetric.Loss,
        };
        using var run = RunDirectory.Open(folder, ExistingRun.Resume);
        run.Prepare();
        var saver = new ModelSaver(
            model, "base", null, new ArtifactInfo("0", null, null, false, null, 0, "Response"),
            PairPacking.Pack([golden.Pairs[0]], sharePrefix: true));
        var store = new CheckpointStore(run.Checkpoints, saver);
        TrainerState state = store.List() is [var newest, ..] ? CheckpointStore.Load(newest.Path, model) : new TrainerState();
        using var signals = new StopSignals();
        var job = new TrainingJob(model, options, run, store, golden.Pairs, [.. golden.Pairs.Take(3)], saver, null);
        progress.Signals = signals;
        TrainingOutcome outcome = new Trainer(job, state, progress, signals).Run();
        Assert.Equal(outcome.End == TrainingEnd.Interrupted, signals.Received is not null);
        return outcome.End == TrainingEnd.Interrupted
            ? new Outcome(outcome.End, [], [], [], "", null)
            : new Outcome(
                outcome.End, File.ReadAllBytes(Path.Combine(run.Final, AdapterFiles.Weights)),
                File.ReadAllBytes(Path.Combine(run.Best, AdapterFiles.Weights)), [.. File.ReadAllLines(run.MetricsFile).Select(Untimed)],
                File.ReadAllText(run.SamplesFile), outcome.Evaluation?.Loss);
    }

    private static string Untimed(string line)
    {
        JsonObject json = JsonNode.Parse(line)!.AsObject();
        json.Remove("tokens_per_second");
        json.Remove("elapsed_seconds");
        return json.ToJsonString();
    }

    private sealed record Outcome(TrainingEnd End, byte[] Weights, byte[] Best, string[] Metrics, string Samples, double? EvalLoss);

    /// <summary>Counts the points at which a stop can be heard, and asks for one there.</summary>
    private sealed class PointCounter(int stopAt, StopSignals? signals) : ITrainingProgress
    {
        private int _step;

        public StopSignals? Signals { get; set; } = signals;

        public int Count { get; private set; }

        public int StopInEvaluationOf { get; init; } = -1;

        public int DieAfterEvaluationOf { get; init; } = -1;

        public void Step(int step, int steps, StepResult result, double seconds)
        {
            _step = step;

            // A stop after the last step of a run changes nothing when no evaluation is left; then it is not a point.
            if (step < steps)
            {
                Pass();
            }
        }

        public void Evaluating(int done, int total)
        {
            if (_step == StopInEvaluationOf)
            {
                Signals!.Receive("test");
            }

            Pass();
        }

        public void Evaluated(int step, EvaluationResult result, bool isBest)
        {
            if (step == DieAfterEvaluationOf)
            {
                throw new TimeoutException();
            }
        }

        public void Message(string text)
        {
        }

        private void Pass()
        {
            if (Count++ == stopAt)
            {
                Signals!.Receive("test");
            }
        }
    }
}
