using System.Text.Json;
using Rm.Formats.Safetensors;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>The golden cases through the command line, files in and files out: rewards and training trajectories of Hugging Face.</summary>
public sealed class GoldenCommandTests
{
    public static TheoryData<string> Names => GoldenCase.Names;

    public static TheoryData<string, string> Trajectories
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (ITheoryDataRow row in GoldenCase.NamesWithTrajectory)
            {
                foreach (string further in new[] { "", "--no-prefix-sharing", "--micro-token-budget=40", "--recompute=full" })
                {
                    data.Add((string)row.GetData()[0]!, further);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Score_gives_the_rewards_of_Hugging_Face(string name)
    {
        var golden = new GoldenCase(name);
        using var scratch = new ScratchFolder();
        JsonElement pairs = Json(golden, "batch.json").GetProperty("pairs");
        string pairFile = scratch.Write("pairs.jsonl", IdRows.FromGolden(pairs));
        string singleFile = scratch.Write("singles.jsonl", IdRows.SinglesFromGolden(pairs));
        foreach (string further in new[] { "--micro-token-budget=8192", "--micro-token-budget=50", "--no-prefix-sharing" })
        {
            Btrm.Succeed([.. Score(golden), "--input", pairFile, "--output", scratch["out.jsonl"], further]);
            GoldenCaseTests.AssertRewards(
                golden,
                [.. IdRows.Read(scratch["out.jsonl"]).SelectMany(r => new[] { Reward(r, "chosen_reward"), Reward(r, "rejected_reward") })]);

            Btrm.Succeed([.. Score(golden), "--input", singleFile, "--output", scratch["out.jsonl"], further]);
            GoldenCaseTests.AssertRewards(golden, [.. IdRows.Read(scratch["out.jsonl"]).Select(r => Reward(r, "reward"))]);
        }
    }

    [Theory]
    [MemberData(nameof(Trajectories))]
    public void Train_gives_the_trajectory_of_Hugging_Face(string name, string further)
    {
        var golden = new GoldenCase(name);
        JsonElement trajectory = golden.Trajectory!.Value;
        JsonElement exact = Json(golden, "trajectory.float64.json");
        using var scratch = new ScratchFolder();
        string trainFile = scratch.Write("train.jsonl", IdRows.FromGolden(trajectory.GetProperty("pairs")));
        string batchFile = scratch.Write("batch.jsonl", IdRows.FromGolden(Json(golden, "batch.json").GetProperty("pairs")));
        Btrm.Succeed(
        [
            "train", "--model", golden.ModelFolderPath, .. golden.AdapterPath is { } adapter ? new[] { "--init-adapter", adapter } : [],
            "--train-file", trainFile, "--output-dir", scratch["out"], "--order", "sequential", "--log-every", "1", "--save-every", "0",
            "--lr", Text(trajectory, "lr"), "--weight-decay", Text(trajectory, "weight_decay"), "--warmup-steps",
            Text(trajectory, "warmup_steps"),
            "--steps", Text(trajectory, "steps"), "--batch-size", Text(trajectory, "batch_size"),
            "--label-smoothing", Text(trajectory, "label_smoothing"),
            "--score-regularization-lambda", Text(trajectory, "score_regularization_lambda"), "--max-grad-norm",
            Text(trajectory, "max_grad_norm"),
            .. further.Length > 0 ? new[] { further } : [],
        ]);

        JsonElement[] lines = IdRows.Read(scratch["out/metrics.jsonl"]);
        JsonElement[] log = [.. trajectory.GetProperty("log").EnumerateArray()];
        JsonElement[] exactLog = [.. exact.GetProperty("log").EnumerateArray()];
        Assert.Equal(log.Length, lines.Length);
        foreach (string field in new[] { "loss", "learning_rate", "grad_norm" })
        {
            GoldenCloseness.AssertFigures(field, Values(lines, field), Values(log, field), Values(exactLog, field));
        }

        Btrm.Succeed(
        [
            "score", "--model", golden.AdapterPath is null ? scratch["out/final"] : golden.ModelFolderPath,
            .. golden.AdapterPath is null
                ? []
                : new[] { "--adapter", scratch["out/final"] }, "--input", batchFile, "--output", scratch["out.jsonl"],
        ]);
        JsonElement final = trajectory.GetProperty("final_rewards_on_batch");
        JsonElement[] scored = IdRows.Read(scratch["out.jsonl"]);
        GoldenCloseness.AssertFinalRewards(
            [.. Values(scored, "chosen_reward"), .. Values(scored, "rejected_reward")],
            [.. GoldenCloseness.Numbers(final.GetProperty("chosen")), .. GoldenCloseness.Numbers(final.GetProperty("rejected"))]);

        CompareTensors(golden, scratch["out/final"], exact);
    }

    private static string[] Score(GoldenCase golden) =>
        ["score", "--model", golden.ModelFolderPath, .. golden.AdapterPath is { } adapter ? new[] { "--adapter", adapter } : []];

    private static JsonElement Json(GoldenCase golden, string file) =>
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(golden.Folder, file))).RootElement;

    private static float Reward(JsonElement row, string field) => row.GetProperty(field).GetSingle();

    private static string Text(JsonElement trajectory, string name) => trajectory.GetProperty(name).GetRawText();

    private static double[] Values(JsonElement[] lines, string field) => [.. lines.Select(l => l.GetProperty(field).GetDouble())];

    private static void CompareTensors(GoldenCase golden, string final, JsonElement exact)
    {
        bool adapter = golden.AdapterPath is not null;
        string fileName = adapter ? "adapter_model.safetensors" : "model.safetensors";
        using var ours = SafetensorsFile.Open(Path.Combine(final, fileName));
        using var theirs =
            SafetensorsFile.Open(Path.Combine(golden.Folder, adapter ? "trained-adapter" : "trained-model", fileName));
        Assert.Equal(theirs.Tensors.Keys.Order(StringComparer.Ordinal), ours.Tensors.Keys.Order(StringComparer.Ordinal));
        foreach (string name in theirs.Tensors.Keys)
        {
            float[] a = Read(ours, name);
            float[] b = Read(theirs, name);
            double difference = Math.Sqrt(a.Zip(b, (x, y) => Math.Pow((double)x - y, 2)).Sum());
            Assert.True(difference <= GoldenCloseness.Tolerance * exact.GetProperty("tensors").GetProperty(name).GetProperty("norm")
                .GetDouble(), name);
        }
    }

    private static float[] Read(SafetensorsFile file, string name)
    {
        float[] values = new float[file.Tensor(name).ElementCount];
        file.ReadFloat32(name, values);
        return values;
    }
}
