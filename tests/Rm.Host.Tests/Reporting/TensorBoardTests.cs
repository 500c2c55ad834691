using System.Text;
using System.Text.Json.Nodes;
using Rm.Host.Reporting.TensorBoard;
using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Reporting;

/// <summary><c>--report-to tensorboard</c>, read back by a reader written from the format's definition.</summary>
public sealed class TensorBoardTests
{
    [Fact]
    public void Checksums_are_those_of_the_definition()
    {
        // CRC-32C of "123456789" is E3069283 (RFC 3720 has more); masked by hand.
        const uint Crc = 0xE3069283;
        uint masked = ((Crc >> 15) | (Crc << 17)) + 0xa282ead8;
        Assert.Equal(masked, EventReader.Masked("123456789"u8));
        Assert.Equal(masked, EventFile.MaskedChecksum("123456789"u8));
    }

    [Fact]
    public void Every_number_of_a_line_of_metrics_is_a_scalar_under_its_name()
    {
        using var scratch = new ScratchFolder();
        using (var log = TensorBoardLog.Create(scratch.Path, 0, Assert.Fail))
        {
            log.Metrics(Line(("step", 10), ("epoch", 0.5), ("loss", 0.25), ("grad_norm", 1.5), ("gpu_memory_gib", 20)));
            log.Metrics(Line(("step", 10), ("epoch", 0.5), ("eval_loss", 0.5), ("eval_accuracy", 0.75), ("eval_length_correlation", null),
                ("eval_groups", new JsonArray())));
            log.Rewards(10, MadeRun.Rows(80));
        }

        List<ReadEvent> events = EventReader.Read(Assert.Single(Files(scratch.Path)));
        Assert.Equal(4, events.Count);
        Assert.Equal(("brain.Event:2", 0), (events[0].FileVersion, events[0].Step));
        Assert.All(events, e => Assert.InRange(e.WallTime, 1.7e9, 1e11));
        Assert.DoesNotContain(events, e => e.IsSessionStart);
        Assert.All(events[1..], e => Assert.Equal(10, e.Step));
        Assert.Equal(
            [("train/epoch", 0.5f), ("train/gpu_memory_gib", 20f), ("train/grad_norm", 1.5f), ("train/loss", 0.25f)], Sorted(events[1]));
        Assert.Equal([("eval/accuracy", 0.75f), ("eval/epoch", 0.5f), ("eval/loss", 0.5f)], Sorted(events[2]));

        double[] chosen = [.. MadeRun.Rows(80).Select(row => (double)row.ChosenReward)];
        ReadHistogram histogram = events[3].Histograms["eval/chosen_rewards"];
        Assert.Equal((chosen.Min(), chosen.Max(), 80), (histogram.Min, histogram.Max, histogram.Count));
        Assert.Equal(chosen.Sum(), histogram.Sum, 9);
        Assert.Equal(chosen.Sum(c => c * c), histogram.SumOfSquares, 9);
        Assert.Equal(histogram.Limits.Order().Distinct(), histogram.Limits);
        Assert.Equal(histogram.Limits.Length, histogram.Buckets.Length);
        Assert.Equal(chosen.Count(c => c < 0), histogram.Buckets.Zip(histogram.Limits).Where(b => b.Second < 0).Sum(b => b.First));
        Assert.Equal(80, histogram.Buckets.Sum());

        // Rewards that are all the same still have a bucket.
        Assert.Equal(80, events[3].Histograms["eval/rejected_rewards"].Buckets.Sum());
    }

    [Fact]
    public void A_later_session_voids_what_it_writes_anew_and_comes_last_by_name()
    {
        using var scratch = new ScratchFolder();
        for (int session = 0; session < 3; session++)
        {
            using var log = TensorBoardLog.Create(scratch.Path, session * 100, Assert.Fail);
            log.Metrics(Line(("step", (session * 100) + 1), ("loss", session)));
        }

        string[] files = [.. Files(scratch.Path).Order(StringComparer.Ordinal)];
        Assert.Equal(3, files.Length);
        for (int session = 0; session < 3; session++)
        {
            List<ReadEvent> events = EventReader.Read(files[session]);
            Assert.Equal(session, events[^1].Scalars["train/loss"]);
            Assert.Equal(session == 0 ? [] : [(long)(session * 100) + 1], events.Where(e => e.IsSessionStart).Select(e => e.Step));
        }
    }

    [Fact]
    public void Training_reports_what_metrics_jsonl_has_and_computes_the_same_bits()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("plain", steps: 12));
        Btrm.Succeed([.. run.Arguments("board", steps: 12), "--report-to", "tensorboard"]);
        run.AssertSame("plain", "board", "--report-to tensorboard");
        Assert.False(Directory.Exists(scratch["plain/tensorboard"]));

        Dictionary<(string, long), float> read = Current(EventReader.Read(Assert.Single(Files(scratch["board"]))));
        Assert.Equal(Expected(scratch["board/metrics.jsonl"]), read);
        Assert.Contains("board", File.ReadAllText(scratch["board/report.html"]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_resumed_run_is_one_curve()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        string[] arguments = [.. run.Arguments("out", steps: 12, saveEvery: 5, keep: 5), "--report-to", "tensorboard"];
        Btrm.Succeed(arguments);
        Btrm.Succeed([.. arguments, "--resume", scratch["out/checkpoints/step-5"]]);

        // What TensorBoard does: files by name; a start of a session voids what came before at its step and after.
        ReadEvent[] events = [.. Files(scratch["out"]).Order(StringComparer.Ordinal).SelectMany(EventReader.Read)];
        Assert.Equal(6, Assert.Single(events, e => e.IsSessionStart).Step);
        Assert.Equal(Expected(scratch["out/metrics.jsonl"]), Current(events));
    }

    [Fact]
    public void An_unknown_viewer_is_refused_and_overwriting_a_run_removes_its_events()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Fail(2, [.. run.Arguments("out"), "--report-to", "tensorbord"], "--report-to 'tensorbord'", "did you mean");
        Btrm.Succeed([.. run.Arguments("out", steps: 2), "--report-to", "tensorboard"]);
        Btrm.Succeed([.. run.Arguments("out", steps: 2), "--overwrite"]);
        Assert.False(Directory.Exists(scratch["out/tensorboard"]));
    }

    // Scalars that count, by name and step.
    private static Dictionary<(string, long), float> Current(IEnumerable<ReadEvent> events)
    {
        var current = new Dictionary<(string, long), float>();
        foreach (ReadEvent e in events)
        {
            if (e.IsSessionStart)
            {
                foreach ((string, long Step) late in current.Keys.Where(key => key.Item2 >= e.Step).ToArray())
                {
                    current.Remove(late);
                }
            }

            foreach ((string tag, float value) in e.Scalars)
            {
                current.Add((tag, e.Step), value);
            }
        }

        return current;
    }

    private static Dictionary<(string, long), float> Expected(string metrics)
    {
        var expected = new Dictionary<(string, long), float>();
        foreach (JsonObject line in File.ReadLines(metrics).Select(l => JsonNode.Parse(l)!.AsObject()))
        {
            bool evaluation = line.ContainsKey("eval_loss");
            foreach ((string name, JsonNode? value) in line)
            {
                if (name != "step" && value is JsonValue number && number.TryGetValue(out double d))
                {
                    expected.Add(($"{(evaluation ? "eval" : "train")}/{name.Replace("eval_", "", StringComparison.Ordinal)}",
                        (long)line["step"]!), (float)d);
                }
            }
        }

        return expected;
    }

    private static ReadOnlyMemory<byte> Line(params (string, JsonNode?)[] fields) => Encoding.UTF8.GetBytes(MadeRun.Object(fields));

    private static string[] Files(string run) => Directory.GetFiles(Path.Combine(run, TensorBoardLog.FolderName));

    private static (string, float)[] Sorted(ReadEvent e) =>
        [.. e.Scalars.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => (s.Key, s.Value))];
}
