using System.Text;
using System.Text.Json;
using Rm.Host.Checkpoints;
using Rm.Host.Evaluation;

namespace Rm.Host.Training;

/// <summary>Writes <c>metrics.jsonl</c>: one object a line, flushed, names as in TRL.</summary>
public sealed class MetricsLog : IDisposable
{
    private readonly AppendOnlyLog _log;

    /// <summary>Opens the file; lines after <paramref name="step"/> are removed, because they will be written anew.</summary>
    public MetricsLog(string path, int step)
    {
        _log = AppendOnlyLog.Open(path);
        _log.TruncateAfter(step);
    }

    /// <summary>A line about training since the line before.</summary>
    public void Train(int step, double epoch, MetricsWindow window, double learningRate, long tokens, double seconds, double tokensPerSecond) =>
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
        });

    /// <summary>A line about an evaluation.</summary>
    public void Evaluation(int step, double epoch, EvaluationResult result) => Append(w =>
    {
        w.WriteNumber("step", step);
        w.WriteNumber("epoch", epoch);
        EvaluationJson.WriteFields(w, result, "eval_");
    });

    /// <inheritdoc/>
    public void Dispose() => _log.Dispose();

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
    }
}
