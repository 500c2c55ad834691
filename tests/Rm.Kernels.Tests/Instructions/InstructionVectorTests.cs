using Rm.Kernels.Tests.Cuda;

namespace Rm.Kernels.Tests.Instructions;

/// <summary>
/// The emulator beside a real GPU, instruction by instruction. bench/gpu-check.sh records what a GPU gives; its file goes to
/// tests/golden/instructions, and from then on the emulator must agree with it.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class InstructionVectorTests
{
    private static string Folder => Path.Combine(TestPaths.Golden, "instructions");

    [Fact]
    public void Record_what_this_device_gives()
    {
        string? path = Environment.GetEnvironmentVariable(InstructionVectors.FileVariable);
        Assert.SkipWhen(string.IsNullOrEmpty(path), $"{InstructionVectors.FileVariable} names no file to write");
        using InstructionDevice device = new();
        Dictionary<string, uint[]> vectors = InstructionVectors.Run(device);
        InstructionVectors.Write(path!, device.Description, vectors);
        Assert.Empty(InstructionVectors.Differences(vectors, InstructionVectors.Read(path!)));
    }

    [Fact]
    public void The_emulator_gives_what_GPUs_gave()
    {
        string[] files = Directory.Exists(Folder) ? Directory.GetFiles(Folder, "*.jsonl") : [];
        Assert.SkipWhen(files.Length == 0, $"no GPU has recorded its instructions in {Folder}");
        using InstructionDevice device = new();
        CudaTest.NeedsEmulator();
        Dictionary<string, uint[]> emulated = InstructionVectors.Run(device);
        Assert.All(files, file => Assert.Empty(InstructionVectors.Differences(InstructionVectors.Read(file), emulated)));
    }

    [Fact]
    public void Two_runs_agree_and_a_changed_word_of_any_case_is_found()
    {
        using InstructionDevice device = new();
        Dictionary<string, uint[]> one = InstructionVectors.Run(device);
        Assert.Equal(InstructionCases.All.Count(c => c.MinimumArchitecture <= device.Architecture), one.Count);
        Assert.Empty(InstructionVectors.Differences(one, InstructionVectors.Run(device)));
        foreach (string name in one.Keys)
        {
            Dictionary<string, uint[]> changed = new(one) { [name] = [.. one[name]] };
            int middle = changed[name].Length / 2;
            changed[name][middle] ^= 0x0040_0000;
            Assert.StartsWith(name, Assert.Single(InstructionVectors.Differences(one, changed)), StringComparison.Ordinal);
        }
    }

    // A case whose results are all alike would agree with anything.
    [Fact]
    public void Every_case_gives_different_words()
    {
        using InstructionDevice device = new();
        Assert.All(InstructionVectors.Run(device), static vector => Assert.True(vector.Value.Distinct().Count() > 8, vector.Key));
    }
}
