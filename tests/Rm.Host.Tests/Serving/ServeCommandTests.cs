using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.Serving;

/// <summary><c>btrm serve</c> as a process: it says where it is once it scores, and a signal loses nothing that was accepted.</summary>
public sealed partial class ServeCommandTests
{
    [Fact]
    public async Task SIGTERM_finishes_what_was_accepted()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals");
        var golden = new GoldenCase("llama-tiny");
        using BtrmProcess process = Btrm.Start(
            "serve", "--model", golden.ModelFolderPath, "--adapter", golden.AdapterPath!, "--port", "0", "--device", "cpu",
            "--micro-token-budget", "64");
        Assert.True(process.WaitFor(() => Address().IsMatch(process.Output)), process.Error);
        var address = new Uri(Address().Match(process.Output).Value);
        using var client = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromMinutes(5) };
        using (HttpResponseMessage health = await client.GetAsync("/health", TestContext.Current.CancellationToken))
        {
            Assert.Equal(200, (int)health.StatusCode);
        }

        // Many small micro-batches: when the signal comes, most of them wait.
        string json = JsonSerializer.Serialize(
            new { input = Enumerable.Range(0, 60).Select(i => Enumerable.Range(0, 50).Select(k => (k * i) % 256)) });
        Task<HttpResponseMessage>[] answers =
        [
            .. Enumerable.Range(0, 8).Select(_ => client.PostAsync(
                "/classify", new StringContent(json, Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken)),
        ];
        long accepted = 0;
        while (accepted < 8 && !answers.All(answer => answer.IsCompleted))
        {
            string metrics = await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
            accepted = long.Parse(InFlight().Match(metrics).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) - 1
                + answers.Count(answer => answer.IsCompleted);
        }

        process.Signal(BtrmProcess.SigTerm);
        foreach (HttpResponseMessage answer in await Task.WhenAll(answers))
        {
            Assert.Equal(200, (int)answer.StatusCode);
            byte[] body = await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            Assert.Equal(60, JsonElement.Parse(body).GetProperty("data").GetArrayLength());
        }

        CommandResult result = process.Wait();
        Assert.Equal(0, result.ExitCode);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        string[] lines = [.. result.Error.Split('\n').Where(line => line.StartsWith('{'))];
        Assert.All(lines, line => Assert.True(JsonElement.Parse(line).GetProperty("ms").GetDouble() >= 0));
        Assert.Equal(8, lines.Count(line => JsonElement.Parse(line).GetProperty("path").GetString() == "/classify"));
        Assert.Contains(lines, line => JsonElement.Parse(line).GetProperty("tokens").GetInt64() == 3000);
    }

    [GeneratedRegex("http://127\\.0\\.0\\.1:[0-9]+")]
    private static partial Regex Address();

    [GeneratedRegex("btrm_requests_in_flight ([0-9]+)\n")]
    private static partial Regex InFlight();
}
