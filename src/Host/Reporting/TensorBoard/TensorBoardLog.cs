using System.Text.Json;
using Rm.Formats.Files;
using Rm.Training.Statistics;

namespace Rm.Host.Reporting.TensorBoard;

/// <summary>
/// A run's metrics as TensorBoard shows them: every number of a line of metrics under <c>train/</c> or <c>eval/</c>, as TRL and
/// transformers name them, and histograms of the evaluation's rewards.
/// </summary>
internal sealed class TensorBoardLog : IDisposable
{
    /// <summary>Name of the folder within a run's.</summary>
    public const string FolderName = "tensorboard";

    private const string Evaluation = "eval_";
    private const int HistogramBins = 30;

    // Fields of Summary.Value.
    private const int Tag = 1;
    private const int SimpleValue = 2;
    private const int Histogram = 5;

    private readonly EventFile _file;
    private readonly Action<string> _warn;
    private bool _isBroken;

    private TensorBoardLog(EventFile file, Action<string> warn)
    {
        _file = file;
        _warn = warn;
    }

    /// <summary>
    /// Begins a file in a run's folder that goes on after <paramref name="step"/>. Later failures to write are told to <paramref
    /// name="warn"/> once; the run does not depend on this log. Throws <see cref="SaveFailedException"/> when the file cannot be made.
    /// </summary>
    public static TensorBoardLog Create(string runFolder, int step, Action<string> warn)
    {
        string folder = Path.Combine(runFolder, FolderName);
        try
        {
            return new TensorBoardLog(EventFile.Create(folder, step + 1), warn);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SaveFailedException($"--report-to tensorboard: {folder} cannot be written ({e.Message}).", e);
        }
    }

    /// <summary>Adds the numbers of a line of metrics.jsonl.</summary>
    public void Metrics(ReadOnlyMemory<byte> line)
    {
        using var document = JsonDocument.Parse(line);
        JsonElement root = document.RootElement;
        bool evaluation = root.TryGetProperty(Evaluation + "loss", out _);
        var summary = new ProtoMessage();
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (property.Name != "step" && property.Value.ValueKind == JsonValueKind.Number)
            {
                string name = evaluation && property.Name.StartsWith(Evaluation, StringComparison.Ordinal)
                    ? property.Name[Evaluation.Length..]
                    : property.Name;
                summary.Message(1, new ProtoMessage().Text(Tag, $"{(evaluation ? "eval" : "train")}/{name}")
                    .Float(SimpleValue, (float)property.Value.GetDouble()));
            }
        }

        Append(AppendOnlyLog.StepOf(root) ?? 0, summary);
    }

    /// <summary>Adds histograms of the rewards of an evaluation's pairs, at least one.</summary>
    public void Rewards(int step, IReadOnlyList<EvalRow> rows) => Append(
        step,
        new ProtoMessage()
            .Message(1, new ProtoMessage().Text(Tag, "eval/chosen_rewards")
                .Message(Histogram, HistogramOf([.. rows.Select(r => (double)r.ChosenReward)])))
            .Message(1, new ProtoMessage().Text(Tag, "eval/rejected_rewards")
                .Message(Histogram, HistogramOf([.. rows.Select(r => (double)r.RejectedReward)]))));

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    // HistogramProto: bucket i counts the values in [bucket_limit i-1, bucket_limit i).
    private static ProtoMessage HistogramOf(double[] values)
    {
        double low = values.Min(), high = values.Max();
        double width = high > low ? (high - low) / HistogramBins : 1;
        double[] counts = new double[HistogramBins];
        foreach (double value in values)
        {
            counts[Math.Min(HistogramBins - 1, (int)((value - low) / width))]++;
        }

        double[] limits = [.. Enumerable.Range(1, HistogramBins).Select(i => low + (i * width))];
        return new ProtoMessage().Double(1, low).Double(2, high).Double(3, values.Length).Double(4, values.Sum())
            .Double(5, values.Sum(v => v * v))
            .Doubles(6, limits).Doubles(7, counts);
    }

    private void Append(long step, ProtoMessage summary)
    {
        if (_isBroken)
        {
            return;
        }

        try
        {
            _file.Append(step, summary);
        }
        catch (IOException e)
        {
            _isBroken = true;
            _warn($"--report-to tensorboard: writing failed ({e.Message}); the run goes on without it.");
        }
    }
}
