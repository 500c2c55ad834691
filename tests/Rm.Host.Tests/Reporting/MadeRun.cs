using System.Globalization;
using System.Text.Json.Nodes;
using Rm.Training.Evaluation;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Reporting;

/// <summary>The files of a run with known figures, and with texts that try to break out of a page.</summary>
internal static class MadeRun
{
    /// <summary>Sets window.hacked or asks for an address if any browser ever takes it for markup.</summary>
    public const string Hostile =
        "</script><script>window.hacked=1</script><img src=\"http://127.0.0.1:9/x\" onerror=\"window.hacked=1\"><!-- <script> ]]> ' \" & "
            + "\u2028 ${hacked=1}";

    /// <summary>Writes a run of <paramref name="steps"/> lines of metrics and an evaluation every ten.</summary>
    public static string Write(ScratchFolder scratch, string name, int steps = 60, int pairs = 80, bool finished = true, int samples = 3)
    {
        scratch.Write($"{name}/run.json", RunJson(name, steps));
        scratch.Write($"{name}/metrics.jsonl", string.Concat(Metrics(steps)));
        IReadOnlyList<EvalRow> rows = Rows(pairs);
        Directory.CreateDirectory(scratch[$"{name}/eval-rows"]);
        EvalRowFile.Write(scratch[$"{name}/eval-rows/best.jsonl"], rows);
        EvalRowFile.Write(
            scratch[$"{name}/eval-rows/last.jsonl"], [.. rows.Select(row => row with { ChosenReward = row.ChosenReward - 0.25f })]);
        scratch.Write($"{name}/samples.jsonl", string.Concat(Samples(samples, steps)));
        if (finished)
        {
            scratch.Write($"{name}/result.json",
                Object(("end", "completed"), ("best_step", steps / 2), ("elapsed_seconds", 12.5), ("tokens_per_second", 4321)));
        }

        return scratch[name];
    }

    /// <summary>A line of training metrics.</summary>
    public static string TrainLine(int step) => Object(
        ("step", step), ("epoch", step / 100.0), ("loss", 0.7 - (0.001 * step) + (0.05 * Math.Sin(step))), ("accuracy", step % 7 / 7.0),
        ("ties", 0),
        ("margin", 0.01 * step), ("min_reward", -1 - (0.01 * step)), ("mean_reward", 0.1), ("max_reward", 1 + (0.01 * step)),
        ("grad_norm", 1.5),
        ("learning_rate", 1e-4), ("num_tokens", 1000 * step), ("tokens_per_second", 4000 + step), ("elapsed_seconds", 0.2 * step),
        ("gpu_samples", 3),
        ("gpu_utilization_mean", 90 + (step % 5)), ("gpu_utilization_max", 99), ("gpu_memory_gib_mean", 20.5), ("gpu_memory_gib_max", 21))
            + "\n";

    /// <summary>Pairs of which three in four are right, with domains and lengths.</summary>
    public static IReadOnlyList<EvalRow> Rows(int pairs) => [.. Enumerable.Range(0, pairs).Select(i => new EvalRow
    {
        Row = i,
        Pair = i.ToString("x32", CultureInfo.InvariantCulture),
        Cluster = (i / 2).ToString("x32", CultureInfo.InvariantCulture),
        ChosenReward = (i % 4 == 0 ? -0.5f : 0.5f) + (0.01f * (i % 10)),
        RejectedReward = 0,
        ChosenTokens = 40 + (i % 30),
        RejectedTokens = 50,
        Domain = i % 2 == 0 ? "askbaking" : Hostile,
    })];

    /// <summary>A JSON object.</summary>
    public static string Object(params (string Name, JsonNode? Value)[] fields) =>
        new JsonObject(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))).ToJsonString();

    private static IEnumerable<string> Metrics(int steps)
    {
        for (int step = 1; step <= steps; step++)
        {
            yield return TrainLine(step);
            if (step % 10 == 0)
            {
                yield return Object(
                    ("step", step), ("eval_pairs", 80), ("eval_loss", 0.6), ("eval_accuracy", 0.75), ("eval_accuracy_low", 0.65),
                    ("eval_accuracy_high", 0.83),
                    ("eval_ties", 0), ("eval_margin", 0.25), ("eval_ece", 0.05), ("eval_brier", 0.2)) + "\n";
            }
        }
    }

    private static IEnumerable<string> Samples(int samples, int steps)
    {
        for (int step = 0; step <= steps; step += 20)
        {
            for (int i = 0; i < samples; i++)
            {
                yield return Object(
                    ("step", step), ("file", "eval.jsonl"), ("line", i + 1), ("chosen_reward", 0.5 + step), ("rejected_reward", 0.25),
                    ("chosen", $"<|im_start|>user\nWhich is right?<|im_end|>\n<|im_start|>assistant\nThis: {Hostile}"),
                    ("chosen_ids", new JsonArray(1, 2, 3, 4)),
                    ("rejected", "<|im_start|>user\nWhich is right?<|im_end|>\n<|im_start|>assistant\nThat."),
                    ("rejected_ids", new JsonArray(1, 2, 3))) + "\n";
            }
        }
    }

    private static string RunJson(string name, int steps)
    {
        var report = new JsonObject
        {
            ["train"] = new JsonObject
            {
                ["files"] = new JsonArray("train.jsonl"),
                ["pairs_read"] = 1812,
                ["dropped"] = new JsonObject { ["too_long"] = 3 }
            },
            ["eval"] = new JsonObject { ["files"] = new JsonArray(Hostile), ["pairs_read"] = 500, ["dropped"] = new JsonObject() },
            ["prompts_shared_by_train_and_eval"] = 0,
        };
        return new JsonObject
        {
            ["btrm_version"] = "0.1.0",
            ["started"] = "2026-01-02T03:04:05.0000000+00:00",
            ["host"] = "node",
            ["device"] = "cpu",
            ["settings"] = new JsonObject
            {
                ["lr"] = name.Length.ToString(CultureInfo.InvariantCulture),
                ["steps"] = steps.ToString(CultureInfo.InvariantCulture),
                ["system-prompt"] = Hostile
            },
            ["model"] = new JsonObject { ["name"] = Hostile, ["family"] = "Qwen2" },
            ["data_report"] = report,
        }.ToJsonString();
    }
}
