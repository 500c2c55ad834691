using System.Text.Json;
using Rm.Host.Cli;
using Rm.Host.Tests.EndToEnd;
using Rm.Kernels.Tensors;

namespace Rm.Host.Tests.Training;

/// <summary><c>btrm train --device emulated</c> from text to an adapter, as a user would run it.</summary>
[Collection("CUDA device")]
public sealed class EmulatedTrainingTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();
    private string? _model;

    [Fact]
    public void The_same_command_twice_gives_the_same_bits_and_the_CPU_scores_its_adapter_alike()
    {
        EmulatedDevice.Open(DType.BF16).Dispose();
        string rows = Path.Combine(_scratch.Path, "train.jsonl");
        File.WriteAllText(
            rows,
            """
            {"prompt": "Name a fruit.", "chosen": "An apple is a fruit.", "rejected": "No."}
            {"prompt": "What is two and two?", "chosen": "Four.", "rejected": "I do not know what you mean."}

            """);
        string[] adapters = [Train(rows, "first"), Train(rows, "second")];
        Assert.Equal(File.ReadAllBytes(Weights(adapters[0])), File.ReadAllBytes(Weights(adapters[1])));

        float[] emulated = Score(rows, adapters[0], "emulated"), cpu = Score(rows, adapters[0], "cpu");
        Assert.Equal(4, emulated.Length);
        double scale = Math.Sqrt(cpu.Average(r => (double)r * r));
        for (int i = 0; i < cpu.Length; i++)
        {
            // Two layers in bfloat16, whose numbers have 8 bits.
            Assert.InRange(emulated[i] - cpu[i], -0.05 * Math.Max(scale, 1), 0.05 * Math.Max(scale, 1));
        }
    }

    public void Dispose() => _scratch.Dispose();

    private string Model => _model ??= ShallowQuickstart.Write(_scratch);

    private static string Weights(string adapter) => Path.Combine(adapter, "adapter_model.safetensors");

    private string Train(string rows, string name)
    {
        string output = Path.Combine(_scratch.Path, name);
        Assert.Equal(0, CommandLine.Run(
        [
            "train", "--device", "emulated", "--model", Model, "--train-file", rows, "--lora", "--lora-rank", "4", "--lora-alpha", "8",
            "--lr", "1e-3", "--steps", "2", "--warmup-steps", "0", "--batch-size", "2", "--max-seq-len", "64", "--save-every", "0",
            "--output-dir", output,
        ]));
        return Path.Combine(output, "final");
    }

    private float[] Score(string rows, string adapter, string device)
    {
        string output = Path.Combine(_scratch.Path, $"scores-{device}.jsonl");
        Assert.Equal(0, CommandLine.Run(
            ["score", "--device", device, "--model", Model, "--adapter", adapter, "--input", rows, "--output", output]));
        return
        [
            .. File.ReadLines(output).Select(line => JsonDocument.Parse(line).RootElement)
                .SelectMany(row => new[] { row.GetProperty("chosen_reward").GetSingle(), row.GetProperty("rejected_reward").GetSingle() }),
        ];
    }
}
