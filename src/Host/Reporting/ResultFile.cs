using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Rm.Formats.Files;
using Rm.Host.Experiments.Diagnostics;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Reporting;

/// <summary>Writes result.json: the figures at the end of a run, also printed on stdout.</summary>
internal static class ResultFile
{
    public static string Write(RunDirectory run, RewardModel model, TrainingOutcome outcome, DiagnosticOutcome? diagnostic = null)
    {
        using var buffer = new MemoryStream();
        using (var w = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            TrainerState state = outcome.State;
            w.WriteStartObject();
            w.WriteString("end", outcome.End == TrainingEnd.EarlyStopped ? "early_stopped" : "completed");
            w.WriteNumber("step", state.Step);
            w.WriteNumber("num_tokens", state.NumTokens);
            w.WriteNumber("elapsed_seconds", Math.Round(state.ElapsedSeconds, 3));
            w.WriteNumber("tokens_per_second", Math.Round(state.NumTokens / Math.Max(1e-9, state.ElapsedSeconds), 1));
            w.WriteNumber("peak_memory_gib", Math.Round(Process.GetCurrentProcess().PeakWorkingSet64 / (double)(1L << 30), 3));
            w.WriteNumber("trainable_parameters", model.Parameters.Count);
            if (state.Best is { BestValue: { } best })
            {
                w.WriteNumber("best_value", best);
                w.WriteNumber("best_step", state.Best.BestStep);
                w.WriteString("best", run.Best);
            }

            w.WriteString("final", run.Final);
            if (outcome.Evaluation is { } evaluation)
            {
                EvaluationJson.WriteFields(w, evaluation, "eval_");
            }

            if (diagnostic is not null)
            {
                w.WritePropertyName(FinishedRun.DiagnosticName);
                JsonSerializer.Serialize(w, diagnostic, DiagnosticJson.Default.DiagnosticOutcome);
            }

            w.WriteEndObject();
        }

        AtomicFile.Write(run.ResultFile, buffer.ToArray());
        return Encoding.UTF8.GetString(buffer.ToArray());
    }
}
