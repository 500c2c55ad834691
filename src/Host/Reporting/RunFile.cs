using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Files;
using Rm.Kernels.Ops;
using Rm.Training.Loop;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Reporting;

/// <summary>Writes run.json: what was asked for, with what, on what.</summary>
internal static class RunFile
{
    public static void Write(
        RunDirectory run, IReadOnlyDictionary<string, string> settings, string? preset, IBackend backend, string modelName,
        string modelFolder,
        string weights, RewardModel model, MemoryPlan plan, PairDataset train, PairDataset? eval, DataReport report)
    {
        using var buffer = new MemoryStream();
        using (var w = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            w.WriteStartObject();
            w.WriteString("btrm_version", BtrmVersion.Text);
            w.WriteString("runtime", System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription);
            w.WriteString("started", DateTimeOffset.UtcNow.ToString("O"));
            w.WriteString("host", Environment.MachineName);
            w.WriteString("device", backend.Description);
            w.WriteString("preset", preset);
            w.WriteStartObject(EarlierRun.SettingsName);
            foreach ((string name, string value) in settings)
            {
                w.WriteString(name, value);
            }

            w.WriteEndObject();
            w.WriteStartObject("model");
            w.WriteString("name", modelName);
            w.WriteString("folder", Path.GetFullPath(modelFolder));
            w.WriteString(EarlierRun.WeightsName, weights);
            w.WriteString("family", model.Config.Family.ToString());
            w.WriteNumber("trainable_parameters", model.Parameters.Count);
            w.WriteBoolean("pretrained_head", model.HasPretrainedHead);
            w.WriteEndObject();
            w.WritePropertyName("memory_plan");
            MemoryPlanReport.WriteJson(plan, plan.Free, w);
            w.WritePropertyName(EarlierRun.TrainDataName);
            train.Fingerprint.WriteJson(w);
            if (eval is not null)
            {
                w.WritePropertyName(EarlierRun.EvalDataName);
                eval.Fingerprint.WriteJson(w);
            }

            w.WritePropertyName("data_report");
            DataReportJson.Write(report, w);
            w.WriteEndObject();
        }

        AtomicFile.Write(run.RunFile, buffer.ToArray());
    }
}
