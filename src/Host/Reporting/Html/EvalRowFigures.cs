using System.Text.Json;
using Rm.Host.Analysis;
using Rm.Training.Statistics;

namespace Rm.Host.Reporting.Html;

/// <summary>
/// What a page shows of one file of evaluation rows: histograms of rewards, calibration, length bias, accuracy of groups.
/// </summary>
internal static class EvalRowFigures
{
    private const int HistogramBins = 40;
    private const int LengthBins = 12;
    private const int MostGroups = 200;

    // More dots than this only darken the middle of a chart.
    private const int MostDots = 1500;

    /// <summary>
    /// Writes the figures of rows, at least one, as an object. Histograms span <paramref name="low"/> to <paramref name="high"/>.
    /// </summary>
    public static void Write(Utf8JsonWriter writer, string name, IReadOnlyList<EvalRow> rows, double low, double high)
    {
        var figures = EvaluationFigures.Of(rows, step: null);
        writer.WriteStartObject(name);
        WriteAccuracy(writer, figures.Accuracy);
        JsonNumbers.Field(writer, "margin", figures.Margin.Mean);
        JsonNumbers.Field(writer, "ece", figures.CalibrationError);
        JsonNumbers.Field(writer, "brier", figures.Brier);
        JsonNumbers.Field(writer, "length_correlation", figures.LengthCorrelation);
        WriteHistogram(writer, rows, low, high);
        WriteReliability(writer, figures.Reliability);
        WriteLength(writer, [.. rows.Select(row => (Gap: row.Gap, Length: (double)row.LengthGap))]);
        WriteGroups(writer, figures.Groups);
        writer.WriteEndObject();
    }

    private static void WriteAccuracy(Utf8JsonWriter writer, AccuracyEstimate accuracy)
    {
        writer.WriteNumber("pairs", accuracy.Pairs);
        JsonNumbers.Field(writer, "clusters", accuracy.Clusters);
        JsonNumbers.Field(writer, "accuracy", accuracy.Value);
        JsonNumbers.Field(writer, "accuracy_low", accuracy.Low);
        JsonNumbers.Field(writer, "accuracy_high", accuracy.High);
        writer.WriteNumber("ties", accuracy.Ties);
    }

    private static void WriteHistogram(Utf8JsonWriter writer, IReadOnlyList<EvalRow> rows, double low, double high)
    {
        // All rewards equal: one bin of any width holds them.
        double width = high > low ? (high - low) / HistogramBins : 1;
        writer.WriteStartObject("histogram");
        JsonNumbers.Field(writer, "low", low);
        JsonNumbers.Field(writer, "width", width);
        JsonNumbers.Array(writer, "chosen", Counts(rows.Select(row => (double)row.ChosenReward), low, width));
        JsonNumbers.Array(writer, "rejected", Counts(rows.Select(row => (double)row.RejectedReward), low, width));
        writer.WriteEndObject();
    }

    private static double[] Counts(IEnumerable<double> rewards, double low, double width)
    {
        double[] counts = new double[HistogramBins];
        foreach (double reward in rewards)
        {
            counts[Math.Clamp((int)((reward - low) / width), 0, HistogramBins - 1)]++;
        }

        return counts;
    }

    private static void WriteReliability(Utf8JsonWriter writer, IReadOnlyList<ReliabilityBin> bins)
    {
        writer.WriteStartArray("reliability");
        foreach (ReliabilityBin bin in bins.Where(bin => bin.Pairs > 0))
        {
            // A tie is half right; an interval of counts takes whole ones.
            (double low, double high) = WilsonInterval.Of((int)Math.Round(bin.Accuracy!.Value * bin.Pairs), bin.Pairs);
            writer.WriteStartObject();
            JsonNumbers.Field(writer, "confidence", bin.Confidence);
            JsonNumbers.Field(writer, "right", bin.Accuracy);
            JsonNumbers.Field(writer, "low", low);
            JsonNumbers.Field(writer, "high", high);
            JsonNumbers.Field(writer, "from", bin.Low);
            JsonNumbers.Field(writer, "to", bin.High);
            writer.WriteNumber("count", bin.Pairs);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteLength(Utf8JsonWriter writer, IReadOnlyList<(double Gap, double Length)> pairs)
    {
        writer.WriteStartObject("length");
        int stride = (pairs.Count + MostDots - 1) / MostDots;
        JsonNumbers.Array(writer, "x", pairs.Where((_, i) => i % stride == 0).Select(pair => pair.Length));
        JsonNumbers.Array(writer, "y", pairs.Where((_, i) => i % stride == 0).Select(pair => pair.Gap));
        writer.WriteStartArray("bins");

        // Bins of about the same number of pairs, so that each mean is as certain as the others; equal lengths stay together.
        var bin = new List<(double Gap, double Length)>();
        foreach (IGrouping<double, (double Gap, double Length)> group in pairs.GroupBy(pair => pair.Length).OrderBy(group => group.Key))
        {
            bin.AddRange(group);
            if (bin.Count * LengthBins >= pairs.Count)
            {
                WriteLengthBin(writer, bin);
                bin.Clear();
            }
        }

        if (bin.Count > 0)
        {
            WriteLengthBin(writer, bin);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteLengthBin(Utf8JsonWriter writer, List<(double Gap, double Length)> bin)
    {
        writer.WriteStartObject();
        JsonNumbers.Field(writer, "from", bin[0].Length);
        JsonNumbers.Field(writer, "to", bin[^1].Length);
        JsonNumbers.Field(writer, "length", bin.Average(pair => pair.Length));
        JsonNumbers.Field(writer, "gap", bin.Average(pair => pair.Gap));
        writer.WriteNumber("count", bin.Count);
        writer.WriteEndObject();
    }

    private static void WriteGroups(Utf8JsonWriter writer, IReadOnlyList<GroupFigures> groups)
    {
        writer.WriteStartArray("groups");
        foreach (GroupFigures group in groups.Take(MostGroups))
        {
            writer.WriteStartObject();
            writer.WriteString("by", group.By);
            writer.WriteString("group", group.Group);
            WriteAccuracy(writer, group.Accuracy);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
