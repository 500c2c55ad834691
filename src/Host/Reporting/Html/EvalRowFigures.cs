using System.Text.Json;
using Rm.Host.Evaluation;

namespace Rm.Host.Reporting.Html;

/// <summary>What a page shows of one file of evaluation rows: histograms of rewards, calibration, length bias, accuracy of groups.</summary>
internal static class EvalRowFigures
{
    private const int HistogramBins = 40;
    private const int ReliabilityBins = 10;
    private const int LengthBins = 12;

    // More dots than this only darken the middle of a chart.
    private const int MostDots = 1500;

    /// <summary>Writes the figures of rows, at least one, as an object. Histograms span <paramref name="low"/> to <paramref name="high"/>.</summary>
    public static void Write(Utf8JsonWriter writer, string name, IReadOnlyList<EvalRow> rows, double low, double high)
    {
        double[] gaps = [.. rows.Select(row => row.Gap)];
        double[] lengths = [.. rows.Select(row => (double)row.LengthGap)];
        writer.WriteStartObject(name);
        writer.WriteNumber("pairs", rows.Count);
        WriteAccuracy(writer, rows);
        JsonNumbers.Field(writer, "margin", gaps.Average());
        JsonNumbers.Field(writer, "ece", Statistics.CalibrationError(gaps));
        JsonNumbers.Field(writer, "brier", gaps.Average(gap => Math.Pow(1 - BradleyTerryLoss.Probability(gap), 2)));
        WriteHistogram(writer, rows, low, high);
        WriteReliability(writer, gaps);
        WriteLength(writer, gaps, lengths);
        writer.WriteEndObject();
    }

    private static void WriteAccuracy(Utf8JsonWriter writer, IReadOnlyList<EvalRow> rows)
    {
        int right = rows.Count(row => row.Gap > 0);
        (double low, double high) = Statistics.WilsonInterval(right, rows.Count);
        JsonNumbers.Field(writer, "accuracy", (double)right / rows.Count);
        JsonNumbers.Field(writer, "accuracy_low", low);
        JsonNumbers.Field(writer, "accuracy_high", high);
        writer.WriteNumber("ties", rows.Count(row => row.Gap == 0));
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

    private static void WriteReliability(Utf8JsonWriter writer, double[] gaps)
    {
        writer.WriteStartArray("reliability");
        foreach (IGrouping<int, double> bin in gaps.GroupBy(ReliabilityBin).OrderBy(bin => bin.Key))
        {
            int right = bin.Count(gap => gap > 0);
            (double low, double high) = Statistics.WilsonInterval(right, bin.Count());
            writer.WriteStartObject();
            JsonNumbers.Field(writer, "confidence", bin.Average(gap => BradleyTerryLoss.Probability(Math.Abs(gap))));
            JsonNumbers.Field(writer, "right", bin.Average(gap => gap > 0 ? 1 : gap == 0 ? 0.5 : 0));
            JsonNumbers.Field(writer, "low", low);
            JsonNumbers.Field(writer, "high", high);
            JsonNumbers.Field(writer, "from", 0.5 + (bin.Key * 0.5 / ReliabilityBins));
            JsonNumbers.Field(writer, "to", 0.5 + ((bin.Key + 1) * 0.5 / ReliabilityBins));
            writer.WriteNumber("count", bin.Count());
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static int ReliabilityBin(double gap) =>
        Math.Min(ReliabilityBins - 1, (int)((BradleyTerryLoss.Probability(Math.Abs(gap)) - 0.5) * 2 * ReliabilityBins));

    private static void WriteLength(Utf8JsonWriter writer, double[] gaps, double[] lengths)
    {
        writer.WriteStartObject("length");
        JsonNumbers.Field(writer, "correlation", Statistics.Correlation(gaps, lengths));
        int stride = (gaps.Length + MostDots - 1) / MostDots;
        JsonNumbers.Array(writer, "x", lengths.Where((_, i) => i % stride == 0));
        JsonNumbers.Array(writer, "y", gaps.Where((_, i) => i % stride == 0));
        writer.WriteBoolean("cut", stride > 1);
        writer.WriteStartArray("bins");

        // Bins of about the same number of pairs, so that each mean is as certain as the others; equal lengths stay together.
        var byLength = gaps.Zip(lengths, (gap, length) => (Gap: gap, Length: length)).GroupBy(pair => pair.Length).OrderBy(group => group.Key);
        var bin = new List<(double Gap, double Length)>();
        foreach (var group in byLength)
        {
            bin.AddRange(group);
            if (bin.Count * LengthBins >= gaps.Length)
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
}
