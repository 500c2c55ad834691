using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Files;

namespace Rm.Host.Experiments;

/// <summary>What a sweep leaves in its folder (<c>sweep.json</c>, <c>results.jsonl</c>) and prints at its end.</summary>
internal static class SweepReport
{
    private static readonly JavaScriptEncoder Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    private static readonly string[] Heads =
        ["run", "status", "step", "eval accuracy", "95% interval", "eval loss", "best", "at step", "settings"];

    /// <summary>Writes both files anew. Throws <see cref="SaveFailedException"/>.</summary>
    public static void Write(SweepPlan plan, IReadOnlyDictionary<string, RunState> states)
    {
        Directory.CreateDirectory(plan.Folder);
        AtomicFile.Write(Path.Combine(plan.Folder, "sweep.json"), Definition(plan, states));
        using var lines = new MemoryStream();
        foreach (PlannedRun run in plan.Runs)
        {
            using (var w = new Utf8JsonWriter(lines, new JsonWriterOptions { Encoder = Encoder }))
            {
                WriteLine(w, run, states[run.Name]);
            }

            lines.WriteByte((byte)'\n');
        }

        AtomicFile.Write(Path.Combine(plan.Folder, "results.jsonl"), lines.ToArray());
    }

    /// <summary>A table of all runs, and below it one line for every run that has no result.</summary>
    public static void Print(SweepPlan plan, IReadOnlyDictionary<string, RunState> states, TextWriter output)
    {
        string[][] rows = [Heads, .. plan.Runs.Select(run => Cells(run, states[run.Name]))];
        int[] widths = [.. Enumerable.Range(0, Heads.Length).Select(column => rows.Max(row => row[column].Length))];
        foreach (string[] row in rows)
        {
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }

        output.WriteLine();
        output.WriteLine(string.Join(", ", Enum.GetValues<RunStatus>().Reverse()
            .Select(status => (status, Count: plan.Runs.Count(r => states[r.Name].Status == status)))
            .Where(s => s.Count > 0 || s.status == RunStatus.Finished).Select(s => $"{s.Count} {Name(s.status)}"))
                + $" of {plan.Runs.Count} runs");
        foreach (PlannedRun run in plan.Runs.Where(r => states[r.Name] is { Status: not RunStatus.Finished, Detail: not null }))
        {
            output.WriteLine($"  {run.Name}: {Name(states[run.Name].Status)}: {states[run.Name].Detail} (see {run.LogFile})");
        }
    }

    private static byte[] Definition(SweepPlan plan, IReadOnlyDictionary<string, RunState> states)
    {
        using var buffer = new MemoryStream();
        using (var w = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = Encoder }))
        {
            w.WriteStartObject();
            w.WriteString("btrm_version", BtrmVersion.Text);
            w.WriteString("file", Path.GetFullPath(plan.File.Path));
            w.WriteString("working_directory", Environment.CurrentDirectory);
            w.WriteString("note", plan.File.Note);
            w.WriteStartObject("counts");
            foreach (RunStatus status in Enum.GetValues<RunStatus>())
            {
                w.WriteNumber(Name(status), plan.Runs.Count(r => states[r.Name].Status == status));
            }

            w.WriteEndObject();
            w.WriteStartArray("runs");
            foreach (PlannedRun run in plan.Runs)
            {
                w.WriteStartObject();
                w.WriteString("name", run.Name);
                w.WriteString("note", run.Run.Note);
                w.WriteString("status", Name(states[run.Name].Status));
                WriteSettings(w, run.Run.Settings);
                w.WriteStartArray("arguments");
                foreach (string word in run.CommandLine)
                {
                    w.WriteStringValue(word);
                }

                w.WriteEndArray();
                w.WriteEndObject();
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static void WriteLine(Utf8JsonWriter w, PlannedRun run, RunState state)
    {
        w.WriteStartObject();
        w.WriteString("name", run.Name);
        w.WriteString("status", Name(state.Status));
        w.WriteString("folder", run.Folder);
        w.WriteString("note", run.Run.Note);
        if (state.ExitCode is { } code)
        {
            w.WriteNumber("exit_code", code);
        }
        else
        {
            w.WriteNull("exit_code");
        }

        w.WriteString("detail", state.Detail);
        WriteSettings(w, run.Run.Changed);
        w.WritePropertyName("result");
        if (state.Result is { } result)
        {
            result.WriteTo(w);
        }
        else
        {
            w.WriteNullValue();
        }

        w.WriteEndObject();
    }

    private static void WriteSettings(Utf8JsonWriter w, IEnumerable<KeyValuePair<string, JsonElement>> settings)
    {
        w.WriteStartObject("settings");
        foreach ((string key, JsonElement value) in settings)
        {
            w.WritePropertyName(key);
            value.WriteTo(w);
        }

        w.WriteEndObject();
    }

    private static string[] Cells(PlannedRun run, RunState state)
    {
        string Number(string name, string format = "0.0000") =>
            state.Result is { } r && r.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number
                ? value.GetDouble().ToString(format, CultureInfo.InvariantCulture)
                : "";
        string low = Number("eval_accuracy_low"), high = Number("eval_accuracy_high");
        return
        [
            run.Name, Name(state.Status), Number("step", "0"), Number("eval_accuracy"), low.Length == 0
                ? ""
                : $"{low} to {high}", Number("eval_loss"),
            Number("best_value"), Number("best_step", "0"), SweepPlan.Changes(run),
        ];
    }

    private static string Name(RunStatus status) => status.ToString().ToLowerInvariant();
}
