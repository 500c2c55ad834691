using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MessagePack;

namespace Rm.Host.Tests.Serving;

/// <summary>What the trainers' own clients were seen to send is answered, and what each was seen to need in an answer is there.</summary>
public sealed class ClientCaseTests : IAsyncLifetime
{
    private readonly ScratchFolder _scratch = new();
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync(ServedFolders.Make(_scratch, "rm-qwen2"));

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _scratch.Dispose();
    }

    [Fact]
    public async Task OpenRLHF_gets_a_float_for_every_query_under_rewards_and_scores()
    {
        foreach ((JsonElement request, JsonElement body, string text) in await SendAsync("openrlhf", 5))
        {
            int queries = request.GetProperty("body").GetProperty("query").GetArrayLength();
            var answer = JsonElement.Parse(text);
            foreach (string name in new[] { "rewards", "scores" })
            {
                AssertFloats(answer.GetProperty(name), queries);
            }

            // A text among them raises in the trainer.
            Assert.All(answer.GetProperty("extra_logs").EnumerateObject(), log => AssertFloats(log.Value, queries));
        }
    }

    [Fact]
    public async Task Verl_gets_the_raw_reward_in_the_last_place_of_either_engine()
    {
        (JsonElement, JsonElement, string Text)[] answers = await SendAsync("verl", 2);
        float[] rewards = new float[2];
        foreach ((JsonElement request, JsonElement _, string text) in answers)
        {
            bool isSglang = request.GetProperty("path").GetString() == "/v1/embeddings";
            JsonElement last = JsonElement.Parse(text).GetProperty("data").EnumerateArray().Last();
            JsonElement numbers = last.GetProperty(isSglang ? "embedding" : "probs");
            AssertFloats(numbers, 1);
            rewards[isSglang ? 1 : 0] = numbers[0].GetSingle();
        }

        Assert.Equal(rewards[0], rewards[1]);
    }

    [Fact]
    public async Task LLaMA_Factory_gets_a_score_for_every_text()
    {
        foreach ((JsonElement request, JsonElement _, string text) in await SendAsync("llamafactory", 1, "empty-messages"))
        {
            AssertFloats(
                JsonElement.Parse(text).GetProperty("scores"), request.GetProperty("body").GetProperty("messages").GetArrayLength());
        }
    }

    [Fact]
    public async Task Reward_hub_gets_a_list_of_numbers()
    {
        foreach ((JsonElement _, JsonElement _, string text) in await SendAsync("reward-hub", 1))
        {
            AssertFloats(JsonElement.Parse(text).GetProperty("data")[0].GetProperty("data"), 1);
        }
    }

    [Fact]
    public async Task OAT_gets_scores_and_probabilities_in_MessagePack()
    {
        foreach (JsonElement request in Requests("oat-llm").Where(r => r.GetProperty("path").GetString() == "/get_feedback"))
        {
            byte[] body = Convert.FromHexString(request.GetProperty("body").GetString()!);
            (List<string> prompts, List<string> responses, int pairs) = Decode(body);
            using var content = new ByteArrayContent(body);
            using HttpResponseMessage response = await _server.Client.PostAsync(
                "/get_feedback", content, TestContext.Current.CancellationToken);
            Assert.Equal(200, (int)response.StatusCode);
            (double[] scores, double[] probabilities) = Feedback(
                await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
            Assert.Equal((responses.Count, pairs), (scores.Length, probabilities.Length));
            Assert.All(probabilities, p => Assert.InRange(p, 0, 1));
            for (int i = 0; i < scores.Length; i++)
            {
                // The server applies the template: the same conversation through another interface has the same reward.
                string json = JsonSerializer.Serialize(new
                {
                    messages = new[] { new { role = "user", content = prompts[i] }, new { role = "assistant", content = responses[i] } },
                    use_activation = false,
                });
                (int status, JsonNode? answer) = await _server.PostAsync("/classify", json, TestContext.Current.CancellationToken);
                Assert.Equal(200, status);
                Assert.Equal(answer!["data"]![0]!["probs"]![0]!.GetValue<double>(), scores[i]);
            }
        }
    }

    private static IEnumerable<JsonElement> Requests(string client) => File.ReadLines(Path.Combine(ServedFolders.Golden, "clients.jsonl"))
        .Select(line => JsonElement.Parse(line)).Where(r => r.GetProperty("client").GetString() == client);

    // OpenRLHF's path is whatever the user gives; redirects are followed to places that are not ours.
    private async Task<(JsonElement Request, JsonElement Body, string Text)[]> SendAsync(string client, int count, params string[] except)
    {
        var answers = new List<(JsonElement, JsonElement, string)>();
        foreach (JsonElement request in Requests(client).Where(r =>
            r.GetProperty("path").GetString() != "/other" && !except.Contains(r.GetProperty("case").GetString())))
        {
            string path = request.GetProperty("path").GetString()!;
            JsonElement body = request.GetProperty("body");
            using var content = new StringContent(body.GetRawText(), Encoding.UTF8, "application/json");
            using HttpResponseMessage response = await _server.Client.PostAsync(client == "openrlhf" ? "/get_reward" : path, content);
            string text = await response.Content.ReadAsStringAsync();
            Assert.True((int)response.StatusCode == 200, text);
            Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
            answers.Add((request, body, text));
        }

        Assert.Equal(count, answers.Count);
        return [.. answers];
    }

    // Printed with a point or an exponent: a bare whole number becomes an integer tensor.
    private static void AssertFloats(JsonElement list, int count)
    {
        Assert.Equal(count, list.GetArrayLength());
        Assert.All(list.EnumerateArray(), number => Assert.Matches("^-?[0-9]+(\\.[0-9]+)?(E[-+]?[0-9]+)?$", number.GetRawText()));
        Assert.All(list.EnumerateArray(), number => Assert.True(number.GetRawText().AsSpan().ContainsAny(".E"), number.GetRawText()));
    }

    private static (List<string> Prompts, List<string> Responses, int Pairs) Decode(byte[] body)
    {
        var reader = new MessagePackReader(body);
        var lists = new Dictionary<string, (List<string> Texts, int Count)>();
        for (int fields = reader.ReadMapHeader(); fields > 0; fields--)
        {
            string name = reader.ReadString()!;
            int count = reader.ReadArrayHeader();
            var texts = new List<string>();
            for (int i = 0; i < count; i++)
            {
                if (name == "batch_candidates")
                {
                    reader.Skip();
                }
                else
                {
                    texts.Add(reader.ReadString()!);
                }
            }

            lists[name] = (texts, count);
        }

        return (lists["batch_prompt"].Texts, lists["batch_response"].Texts, lists["batch_candidates"].Count);
    }

    private static (double[] Scores, double[] Probabilities) Feedback(byte[] body)
    {
        var reader = new MessagePackReader(body);
        Assert.Equal(2, reader.ReadMapHeader());
        Assert.Equal("batch_score", reader.ReadString());
        double[] scores = Numbers(ref reader);
        Assert.Equal("batch_first_win_prob", reader.ReadString());
        return (scores, Numbers(ref reader));
    }

    private static double[] Numbers(ref MessagePackReader reader)
    {
        double[] numbers = new double[reader.ReadArrayHeader()];
        for (int i = 0; i < numbers.Length; i++)
        {
            // An integer would become an int64 tensor.
            Assert.Equal(MessagePackType.Float, reader.NextMessagePackType);
            numbers[i] = reader.ReadDouble();
        }

        return numbers;
    }
}
