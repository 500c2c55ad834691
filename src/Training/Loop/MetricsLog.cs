using System.Text;
using System.Text.Json;
using Rm.Formats.Files;
using Rm.Training.Evaluation;

namespace Rm.Training.Loop;

/// <summary>Writes <c>metrics.jsonl</c>: one object a line, flushed, names as in TRL.</summary>
public sealed class MetricsLog : IDisposable
{
    // Names the fields of evaluations.
    private const string EvaluationPrefix = "eval_";

    private readonly AppendOnlyLog _log;
    private readonly Action<ReadOnlyMemory<byte>>? _written;

    /// <summary>
    /// Opens the file; lines from after <paramref name="state"/> are removed, because they will be written anew. That includes the
    /// evaluation of the state's own step where the state was saved before it. <paramref name="written"/> hears of every line once it is in
    /// the file, as UTF-8.
    /// </summary>
    public MetricsLog(string path, TrainerState state, Action<ReadOnlyMemory<byte>>? written = null)
    {
        _written = written;
        _log = AppendOnlyLog.Open(path);
        _log.TruncateFrom(line => AppendOnlyLog.StepOf(line) > (IsEvaluation(line) ? state.LastEvalStep : state.Step));
    }

    /// <summary>A line about training since the line before, with what <paramref name="instruments"/> saw meanwhile.</summary>
    public void Train(
        int step, double epoch, MetricsWindow window, double learningRate, long tokens, double seconds, double tokensPerSecond,
        IStepInstruments? instruments = null) =>
        Append(w =>
        {
            w.WriteNumber("step", step);
            w.WriteNumber("epoch", epoch);
            w.WriteNumber("loss", window.Loss / window.Steps);
            w.WriteNumber("accuracy", (double)window.Correct / window.Pairs);
            w.WriteNumber("ties", window.Ties);
            w.WriteNumber("margin", window.Margin / window.Pairs);
            w.WriteNumber("min_reward", window.MinReward);
            w.WriteNumber("mean_reward", window.Reward / (2 * window.Pairs));
            w.WriteNumber("max_reward", window.MaxReward);
            w.WriteNumber("grad_norm", window.GradNorm / window.Steps);
            w.WriteNumber("learning_rate", learningRate);
            w.WriteNumber("num_tokens", tokens);
            w.WriteNumber("tokens_per_second", Math.Round(tokensPerSecond, 1));
            w.WriteNumber("elapsed_seconds", Math.Round(seconds, 3));
            instruments?.WriteFields(w);
        });

    /// <summary>A line about an evaluation.</summary>
    public void Evaluation(int step, double epoch, EvaluationResult result) => Append(w =>
    {
        w.WriteNumber("step", step);
        w.WriteNumber("epoch", epoch);
        EvaluationJson.WriteFields(w, result, EvaluationPrefix);
    });

    /// <summary>Returns when every line is on the disk.</summary>
    public void Sync() => _log.Sync();

    /// <inheritdoc/>
    public void Dispose() => _log.Dispose();

    private static bool IsEvaluation(JsonElement line) => line.TryGetProperty(EvaluationPrefix + "loss", out _);

    private void Append(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        _log.Append(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
        _written?.Invoke(buffer.GetBuffer().AsMemory(0, (int)buffer.Length));
    }
}
