using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// Damaged files of a run on resume: the run goes on to the same end, or a message says what is wrong; nothing else happens.
/// </summary>
public sealed class ResumeFuzzTests
{
    [Theory]
    [InlineData("run.json", 1)]
    [InlineData("metrics.jsonl", 2)]
    [InlineData("samples.jsonl", 3)]
    [InlineData("checkpoints/step-4/trainer_state.json", 4)]
    [InlineData("checkpoints/step-4/adapter_config.json", 5)]
    public void Damage_causes_only_clean_errors(string file, int seed)
    {
        const int Steps = 4;
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("out", Steps));

        // Without the checksums the damage reaches the readers.
        File.Delete(scratch["out/checkpoints/step-4/SHA256SUMS"]);
        Dictionary<string, byte[]> original = Snapshot(scratch["out"]);
        var random = new Random(seed);
        int iterations = FuzzSettings.Iterations(25, cost: 200);
        for (int i = 0; i < iterations; i++)
        {
            byte[] damaged = Mutations.Of(random, original[file]);
            Restore(scratch["out"], original);
            File.WriteAllBytes(scratch[$"out/{file}"], damaged);
            CommandResult result = Btrm.Run([.. run.Arguments("out", Steps), "--resume", "auto"]);
            Assert.True(
                result.ExitCode is 0 or 1 or 2 && !result.Error.Contains("Unexpected error", StringComparison.Ordinal)
                    && !result.Error.Contains("   at ", StringComparison.Ordinal),
                $"{file}, seed {seed}, iteration {i}: exit {result.ExitCode}\n{Convert.ToBase64String(damaged)}\n{result.Error}");
            Assert.True(result.ExitCode == 0 || result.Error.Contains("btrm: ", StringComparison.Ordinal), result.Error);
        }
    }

    [Fact]
    public void One_flipped_bit_anywhere_in_a_checkpoint_makes_resume_take_an_older_one()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("whole", steps: 6));
        Btrm.Succeed(run.Arguments("out", steps: 6));
        Dictionary<string, byte[]> original = Snapshot(scratch["out"]);
        var random = new Random(5);
        string[] files = [.. original.Keys.Where(name => name.StartsWith("checkpoints/step-6/", StringComparison.Ordinal))];
        Assert.Equal(6, files.Length);
        foreach (string file in files)
        {
            Restore(scratch["out"], original);
            byte[] damaged = (byte[])original[file].Clone();
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(scratch[$"out/{file}"], damaged);
            CommandResult result = Btrm.Run([.. run.Arguments("out", steps: 6), "--resume", "auto"]);
            Assert.Equal(0, result.ExitCode);
            Assert.Contains("step-6 cannot be used", result.Error, StringComparison.Ordinal);
            Assert.Contains("step-4 (step 4)", result.Error, StringComparison.Ordinal);
            run.AssertSame("whole", "out", file);
        }
    }

    private static Dictionary<string, byte[]> Snapshot(string folder) => Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(folder, path), File.ReadAllBytes, StringComparer.Ordinal);

    private static void Restore(string folder, Dictionary<string, byte[]> files)
    {
        Directory.Delete(folder, recursive: true);
        foreach ((string name, byte[] content) in files)
        {
            string path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, content);
        }
    }
}
