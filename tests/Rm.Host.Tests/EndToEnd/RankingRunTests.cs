using System.Text.Json;

namespace Rm.Host.Tests.EndToEnd;

/// <summary><c>--ranking-loss</c> from rows to adapters.</summary>
public sealed class RankingRunTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("pairwise", "--label-smoothing", "0.05")]
    [InlineData("plackett-luce")]
    public void Two_answers_train_what_a_pair_trains_to_the_bit(string loss, params string[] more)
    {
        _scratch.Write("train.jsonl", """
            {"prompt": "2+2?", "answers": [{"answer": "5, I think.", "rank": 2}, {"answer": "It is 4.", "rank": 1}], "margin": 0.3, "weight": 0.5}
            {"prompt": "Name a colour.", "chosen": "Blue.", "rejected": "Seven is my favourite."}
            {"prompt": "And a fruit?", "completions": [{"response": "An apple.", "score": 9}, {"response": "No.", "score": 2}], "weight": 2}
            {"prompt": "Again.", "answers": [{"answer": "One.", "rank": 1}, {"answer": "Two.", "rank": 1}]}
            {"instruction": "Count.", "input": "", "output": ["One, two.", "Ten."]}

            """);
        byte[][] adapters = [.. new[] { "pairs", loss }.Select(name =>
        {
            Btrm.Succeed([.. Arguments(name), "--ranking-loss", name, .. more]);
            return File.ReadAllBytes(Path.Combine(_scratch[name], "final", "adapter_model.safetensors"));
        })];
        Assert.Equal(adapters[0], adapters[1]);
        Assert.Equal(Metrics("pairs"), Metrics(loss));
    }

    [Theory]
    [InlineData("pairwise")]
    [InlineData("plackett-luce")]
    public void A_ranking_is_one_example_and_a_resumed_run_gives_the_same_bits(string loss)
    {
        Rankings();
        string[] run = [.. Arguments("run"), "--ranking-loss", loss, "--eval-file", _scratch["train.jsonl"], "--best-metric", "loss"];
        Btrm.Succeed(run);
        JsonElement told = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_scratch["run"], "run.json"))).RootElement;
        Assert.Equal(loss, told.GetProperty("settings").GetProperty("ranking-loss").GetString());

        // Three rankings in batches of two: three steps are two epochs. Their pairs are 6, 2 and 5 without ties.
        JsonElement[] lines = IdRows.Read(Path.Combine(_scratch["run"], "metrics.jsonl"));
        Assert.Equal(2, lines.Last(line => line.TryGetProperty("grad_norm", out _)).GetProperty("epoch").GetDouble());
        Assert.Equal(13, File.ReadAllLines(Path.Combine(_scratch["run"], "eval-rows", "last.jsonl")).Length);
        byte[] expected = File.ReadAllBytes(Path.Combine(_scratch["run"], "final", "adapter_model.safetensors"));
        string metrics = Metrics("run");
        Directory.Delete(Path.Combine(_scratch["run"], "checkpoints", "step-3"), recursive: true);
        Directory.Delete(Path.Combine(_scratch["run"], "final"), recursive: true);
        Btrm.Succeed([.. run, "--resume", "auto"]);
        Assert.Equal(expected, File.ReadAllBytes(Path.Combine(_scratch["run"], "final", "adapter_model.safetensors")));
        Assert.Equal(metrics, Metrics("run"));
        Btrm.Fail(2, [.. Arguments("run"), "--eval-file", _scratch["train.jsonl"], "--best-metric", "loss", "--resume", "auto"],
            $"--ranking-loss: was {loss}, is pairs");
    }

    [Fact]
    public void Epochs_count_rankings()
    {
        Rankings();
        Assert.Equal("2", Steps("pairwise"));
        Assert.Equal("7", Steps("pairs"));

        string? Steps(string loss)
        {
            Btrm.Succeed([.. Arguments(loss).Where(a => a is not "--steps" and not "3"), "--epochs", "1", "--ranking-loss", loss]);
            return JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_scratch[loss], "run.json"))).RootElement.GetProperty("settings")
                .GetProperty("steps").GetString();
        }
    }

    [Fact]
    public void What_has_no_meaning_is_refused()
    {
        Rankings();
        Btrm.Fail(2, [.. Arguments("run"), "--ranking-loss", "listmle"], "--ranking-loss 'listmle' is not known", "plackett-luce");
        Btrm.Fail(
            2, [.. Arguments("run"), "--ranking-loss", "plackett-luce", "--label-smoothing", "0.1"],
            "--label-smoothing is defined for pairs, not for --ranking-loss plackett-luce");
        Btrm.Fail(
            2, [.. Arguments("run"), "--ranking-loss", "pairwise", "--diagnostic-mode", "label_shuffle"], "--ranking-loss must be pairs");
        Assert.False(Directory.Exists(_scratch["run"]));
    }

    private void Rankings() => _scratch.Write("train.jsonl", """
        {"prompt": "2+2?", "answers": [{"answer": "5.", "rank": 3}, {"answer": "It is 4.", "rank": 1}, {"answer": "Four or so.", "rank": 2}, {"answer": "I do not know.", "rank": 4}]}
        {"prompt": "Name a colour.", "chosen_response": "Blue.", "rejected_response": ["Seven.", "A cat."]}
        {"prompt": "And a fruit?", "completions": [{"response": "An apple.", "score": 9}, {"response": "No.", "score": 2}, {"response": "Bread.", "score": 2}, {"response": "A plum.", "score": 9}, {"response": "A plum.", "score": 2}]}

        """);

    private string Metrics(string output) => string.Join('\n', IdRows.Read(Path.Combine(_scratch[output], "metrics.jsonl"))
        .Select(line => string.Join(' ', line.EnumerateObject().Where(p => p.Name is not ("tokens_per_second" or "elapsed_seconds")))));

    private string[] Arguments(string output) =>
    [
        "train", "--device", "cpu", "--model", ShallowQuickstart.Write(_scratch), "--train-file", _scratch["train.jsonl"], "--lora",
        "--lora-rank", "4", "--lora-dropout", "0.1", "--steps", "3", "--batch-size", "2", "--lr", "2e-3", "--log-every", "1",
        "--save-every", "1", "--eval-every", "1", "--score-regularization-lambda", "0.01", "--regularization-lambda", "0.02", "--beta",
        "1.5", "--threads", "1", "--output-dir", _scratch[output],
    ];
}
