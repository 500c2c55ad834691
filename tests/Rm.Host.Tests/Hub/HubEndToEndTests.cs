using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Rm.Host.Cli;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.Hub;

/// <summary>The training guide's command against a hub on loopback, and afterwards without it.</summary>
[Collection(HubEnvironment.Name)]
public sealed class HubEndToEndTests : IDisposable
{
    private readonly FakeHub _hub = new();
    private readonly ScratchFolder _folder = new();
    private readonly HubEnvironment _environment;

    public HubEndToEndTests()
    {
        string golden = Path.Combine(TestPaths.Golden, "cases", "qwen2-tiny", "model");
        FakeRepo model = _hub.Add("models/org/tiny");
        foreach (string file in Directory.GetFiles(golden))
        {
            model.With(Path.GetFileName(file), File.ReadAllBytes(file));
        }

        model.With("tokenizer.json", TokenizerFolder.Bytes().ToJsonString())
            .With("tokenizer_config.json", """{"chat_template": "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"}""");
        FakeRepo data = _hub.Add("datasets/org/shp").With("README.md", "# SHP");
        foreach (string domain in new[] { "askacademia", "askbaking" })
        {
            foreach (string split in new[] { "train", "validation", "test" })
            {
                data.With($"{domain}/{split}.json", Rows(domain, split));
            }
        }

        _environment = new HubEnvironment(_hub, _folder, token: "hf_test");
    }

    public void Dispose()
    {
        _environment.Dispose();
        _hub.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_guides_command_runs_by_name_and_then_offline_with_the_same_result()
    {
        string online = Train("online");

        // Four files of the model, two domains of two splits.
        Assert.Equal(8, _hub.Downloads);
        Assert.DoesNotContain(_hub.Server.Requests, r => r.Path.EndsWith("/validation.json", StringComparison.Ordinal));
        _hub.Server.Dispose();
        Environment.SetEnvironmentVariable("HF_HUB_OFFLINE", "1");

        string offline = Train("offline");

        foreach (string file in new[] { "adapter_model.safetensors", "adapter_config.json" })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(online, "final", file)), File.ReadAllBytes(Path.Combine(offline, "final", file)));
        }

        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(offline, "final", "adapter_config.json")));
        Assert.Equal("org/tiny", config.RootElement.GetProperty("base_model_name_or_path").GetString());

        // The base model that the adapter names is a repository.
        string scores = Path.Combine(_folder.Path, "scores.jsonl");
        string input = _folder.Write("pairs.jsonl", Rows("askbaking", "test"));
        Assert.Equal(0, CommandLine.Run(
            ["score", "--adapter", Path.Combine(offline, "final"), "--input", input, "--output", scores, "--device", "cpu"]));
        Assert.Equal(6, File.ReadLines(scores).Count());
    }

    [Fact]
    public async Task Two_processes_share_one_download()
    {
        Process[] processes = [.. Enumerable.Range(0, 2).Select(_ => Process.Start(new ProcessStartInfo("dotnet")
        {
            ArgumentList = { typeof(CommandLine).Assembly.Location, "data", "report", "--model", "org/tiny", "--hf-dataset", "org/shp",
                "--eval-split", "test" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!)];
        foreach (Process process in processes)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            string errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            await output;
            Assert.True(process.ExitCode == 0, errors);
            process.Dispose();
        }

        string[] files = [.. _hub.Server.Requests.Where(r => r.Method == "GET" && r.Path.Contains("/resolve/", StringComparison.Ordinal))
            .Select(r => r.Path)];
        Assert.Equal(files.Distinct().Count(), files.Length);
        Assert.Contains(files, f => f.EndsWith("askbaking/train.json", StringComparison.Ordinal));
        Assert.Empty(_hub.Storage.Requests);
    }

    private string Train(string name)
    {
        string output = Path.Combine(_folder.Path, name);
        Assert.Equal(0, CommandLine.Run([
            "train", "--model", "org/tiny", "--hf-dataset", "org/shp", "--hf-split", "train", "--eval-split", "test", "--eval-limit",
            "1000", "--limit", "5000",
            "--batch-size", "16", "--micro-token-budget", "8192", "--max-seq-len", "1024", "--lora", "--lora-rank", "4", "--lora-alpha",
            "32",
            "--lora-target-modules", "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj", "--lr", "5e-5", "--weight-decay", "0.01",
            "--steps", "4", "--lr-scheduler", "cosine", "--warmup-steps", "2", "--label-smoothing", "0.05",
            "--score-regularization-lambda", "0.1",
            "--eval-every", "2", "--track-gpu", "--device", "cpu", "--output-dir", output]));
        return output;
    }

    private static string Rows(string domain, string split)
    {
        var rows = new StringBuilder();
        for (int i = 0; i < 6; i++)
        {
            rows.Append($$"""{"post_id": "{{domain}}{{split}}{{i}}", "domain": "{{domain}}_{{split}}", "history": "How do I {{domain}} {{i}}?", "human_ref_A": "Answer {{i}} for {{split}}.", "human_ref_B": "No idea {{i}}.", "labels": {{i % 2}}, "score_ratio": {{i + 2}}.5}""").Append('\n');
        }

        return rows.ToString();
    }
}
