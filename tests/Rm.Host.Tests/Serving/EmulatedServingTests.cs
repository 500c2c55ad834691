using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Training;
using Rm.Kernels.Tensors;

namespace Rm.Host.Tests.Serving;

/// <summary>
/// The CUDA kernels behind the server, on the emulated device: what is computed beside a text changes no bit of its reward there either.
/// </summary>
[Collection("CUDA device")]
public sealed class EmulatedServingTests : IDisposable
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Rewards_are_those_of_btrm_score_to_the_bit()
    {
        var golden = new GoldenCase("llama-tiny");
        int[][] texts = Texts();
        string rows = _scratch.Write(
            "rows.jsonl", string.Join('\n', texts.Select(ids => JsonSerializer.Serialize(new { input_ids = ids }))));

        // One text a micro-batch, nothing shared.
        Btrm.Succeed(
            "score", "--model", golden.ModelFolderPath, "--adapter", golden.AdapterPath!, "--input", rows, "--output",
            _scratch["out.jsonl"], "--device", "emulated",
            "--micro-token-budget", "1", "--no-prefix-sharing");
        float[] expected = [.. File.ReadLines(_scratch["out.jsonl"]).Select(
            line => JsonElement.Parse(line).GetProperty("reward").GetSingle())];
        Assert.True(expected.Distinct().Count() > texts.Length / 2);
        await using RunningServer server = await RunningServer.StartAsync(
            golden.ModelFolderPath, [golden.AdapterPath!], backend: EmulatedDevice.Open(DType.BF16));
        string json = JsonSerializer.Serialize(new { input = texts, use_activation = false });
        (int Status, JsonNode? Body)[] answers =
            await Task.WhenAll(server.PostAsync("/classify", json, Stop), server.PostAsync("/classify", json, Stop));
        foreach ((int status, JsonNode? body) in answers)
        {
            Assert.Equal(200, status);
            Assert.Equal(expected, body!["data"]!.AsArray().Select(item => (float)item!["probs"]![0]!.GetValue<double>()));
        }
    }

    // Two that begin alike for more than a block of keys, a beginning of them, and short ones.
    private static int[][] Texts()
    {
        var random = new Random(3);
        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(256))];
        int[] prefix = Ids(70);
        return [[.. prefix, .. Ids(9)], Ids(5), [.. prefix, .. Ids(3)], prefix, Ids(1), Ids(40)];
    }
}
