using System.Text.Json;
using Rm.Formats.Safetensors;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.Trl;

/// <summary>
/// Runs <c>btrm trl reward</c> on a golden folder's files and compares what it gave with what TRL, or transformers' trainer, gave.
/// </summary>
internal static class TrlRun
{
    // Figures that must agree to the last digit.
    private static readonly string[] Exact =
        ["epoch", "learning_rate", "num_tokens", "eval_num_tokens", "accuracy", "eval_accuracy", "step"];
    private static readonly string[] Timed = ["runtime", "per_second"];

    /// <summary>The model of every golden run: the quickstart's.</summary>
    public static string Model => TestTokenizers.QuickstartFolder;

    public static string Golden(params string[] parts) => Path.Combine([TestPaths.Golden, "trl", .. parts]);

    /// <summary>The words of a run of a golden folder's reward.yaml.</summary>
    public static string[] Words(string golden, string output, params string[] more) =>
        ["trl", "reward", "--config", Path.Combine(golden, "reward.yaml"), "--model_name_or_path", Model, "--dataset_name",
            Path.Combine(golden, "data"),
            "--output_dir", output, "--device", "cpu", .. more];

    /// <summary>The log of the newest checkpoint.</summary>
    public static JsonElement[] History(string checkpoint) =>
        [.. JsonElement.Parse(File.ReadAllBytes(Path.Combine(checkpoint, "trainer_state.json"))).GetProperty("log_history")
            .EnumerateArray()];

    /// <summary>
    /// Every figure within 1e-4, relative; near zero within 5e-7, which is what float32 sums in another order differ by. Epochs, rates,
    /// counts and accuracies exactly.
    /// </summary>
    public static void AssertSame(IReadOnlyList<JsonElement> expected, IReadOnlyList<JsonElement> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            Assert.Equal(Names(expected[i]), Names(actual[i]));
            foreach (string name in Names(expected[i]))
            {
                double wanted = expected[i].GetProperty(name).GetDouble(), given = actual[i].GetProperty(name).GetDouble();
                double tolerance = Exact.Contains(name) ? 0 : (1e-4 * Math.Abs(wanted)) + 5e-7;
                Assert.True(Math.Abs(wanted - given) <= tolerance, $"line {i}, {name}: {given} instead of {wanted}");
            }
        }
    }

    /// <summary>
    /// Both logs against that of the same run in double precision: by the root of the mean square over all figures, ours is at most twice
    /// as far from it as TRL's. (Measured: 0.6 times in the run from the command line, 1.5 times in that from Python, where transformers on
    /// another build of PyTorch was 1.6 times as far.)
    /// </summary>
    public static void AssertAsNear(string float64, IReadOnlyList<JsonElement> expected, IReadOnlyList<JsonElement> actual)
    {
        JsonElement[] exact = [.. JsonElement.Parse(File.ReadAllBytes(float64)).GetProperty("log_history").EnumerateArray()];
        Assert.Equal(exact.Length, expected.Count);
        double theirs = Distance(expected), ours = Distance(actual);
        Assert.InRange(theirs, 1e-9, 1e-6);
        Assert.True(ours <= 2 * theirs, $"{ours} from the run in double precision, TRL's {theirs}");

        double Distance(IReadOnlyList<JsonElement> log)
        {
            List<double> squares = [];
            for (int i = 0; i < exact.Length; i++)
            {
                squares.AddRange(exact[i].EnumerateObject().Where(p => p.Name != "step")
                    .Select(p => Math.Pow(p.Value.GetDouble() - log[i].GetProperty(p.Name).GetDouble(), 2)));
            }

            Assert.True(squares.Count >= 40, $"{squares.Count} figures");
            return Math.Sqrt(squares.Average());
        }
    }

    /// <summary>The printed lines as objects, in their order of names.</summary>
    public static JsonElement[] Lines(string output) =>
        [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line.StartsWith('{'))
            .Select(line => JsonElement.Parse(line.Replace('\'', '"')))];

    /// <summary>Names without those of times, sorted as trainer_state.json has them.</summary>
    public static string[] Names(JsonElement line) =>
        [.. line.EnumerateObject().Select(p => p.Name).Where(name => !Timed.Any(t => name.Contains(t, StringComparison.Ordinal)))
            .Order(StringComparer.Ordinal)];

    /// <summary>A tensor of a safetensors file.</summary>
    public static float[] Tensor(string path, string name)
    {
        using var file = SafetensorsFile.Open(path);
        float[] values = new float[file.Tensor(name).ElementCount];
        file.ReadFloat32(name, values);
        return values;
    }

    public static CommandResult Succeed(string golden, string output, params string[] more) => Btrm.Succeed(Words(golden, output, more));
}
