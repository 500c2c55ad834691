using System.Text.Json.Nodes;

namespace Rm.Host.Tests.Serving;

/// <summary>
/// Fields of vLLM's requests beyond those of the recorded exchanges: what is refused, and which field the error names, as its public
/// schemas say.
/// </summary>
public sealed class RequestFieldTests : IDisposable
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private const string Talk = "\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]";

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Errors_name_the_field_that_vLLM_names()
    {
        await using RunningServer server = await RunningServer.StartAsync(ServedFolders.Make(_scratch, "rm-qwen2"), maxLength: 128);
        foreach ((string path, string body, string? param, bool isForm) in new (string, string, string?, bool)[]
        {
            ("/classify", """{"input": "x", "request_id": null}""", "body.request_id", true),
            ("/classify", """{"input": "x", "priority": null}""", "body.priority", true),
            ("/classify", """{"input": "x", "padding": "longest"}""", "body.padding", true),
            ("/classify", """{"input": "x", "use_activation": 2}""", "body.use_activation", true),
            ("/classify", """{"input": 5, "use_activation": 2}""", "body.use_activation", true),
            ("/classify", """{"input": "x", "cache_salt": ""}""", "cache_salt", false),
            ("/classify", """{"input": [[1, "x"]]}""", "body.input.0", true),
            ("/classify", """{"input": [5, "x"]}""", "body.input.1", true),
            ("/classify", $$"""{{{Talk}}, "truncate_prompt_tokens": -2}""", "body.input", true),
            ("/classify", $$"""{{{Talk}}, "add_generation_prompt": "perhaps"}""", "body.input", true),
            ("/classify", $$"""{{{Talk}}, "use_activation": 2}""", "body.use_activation", true),
            ("/pooling", $$"""{{{Talk}}, "encoding_format": "hex"}""", "body.encoding_format", true),
            ("/pooling", $$"""{{{Talk}}, "task": "nothing"}""", "body.input", true),
            ("/rerank", """{"query": "a", "documents": ["b"], "top_n": null}""", "body.top_n", true),
            ("/score", """{"queries": "a", "documents": "b", "max_tokens_per_doc": null}""", "body.max_tokens_per_doc", true),
            ("/score", """{"queries": "a", "documents": "b", "instruction": 5}""", "body.instruction", true),
            ("/score", """{"queries": "a", "documents": "b", "max_tokens_per_doc": 128}""", null, false),
            ("/score", """{"queries": "a", "documents": "b", "max_tokens_per_query": 1000}""", null, false),
        })
        {
            (int status, JsonNode? answer) = await server.PostAsync(path, body, Stop);
            Assert.True(status == 400, $"{path} {body}: {status}");
            JsonNode error = answer!["error"]!;
            Assert.Equal(
                (body, param, isForm ? "Bad Request" : "BadRequestError"), (body, (string?)error["param"], (string?)error["type"]));
        }
    }

    [Fact]
    public async Task What_changes_nothing_passes()
    {
        await using RunningServer server = await RunningServer.StartAsync(ServedFolders.Make(_scratch, "rm-qwen2"), maxLength: 128);
        JsonNode plain = await ScoreAsync(server, """{"input": "Boil water."}""");
        foreach (string body in new[]
        {
            """{"input": "Boil water.", "padding": "do_not_pad", "cache_salt": "salt", "priority": "7", "user": null}""",
            """{"input": "Boil water.", "mm_processor_kwargs": {}, "unknown": [1]}""",
            """{"input": "Boil water.", "padding": null, "truncation_side": null, "truncate_prompt_tokens": 128, "cache_salt": null}""",
            """{"input": ["Boil water."], "messages": "not a conversation"}""",
            """{"input": "Boil water.", "messages": [{"role": "user", "content": "x"}], "add_generation_prompt": "perhaps"}""",
        })
        {
            Assert.Equal(plain.ToJsonString(), (await ScoreAsync(server, body)).ToJsonString());
        }
    }

    private static async Task<JsonNode> ScoreAsync(RunningServer server, string body)
    {
        (int status, JsonNode? answer) = await server.PostAsync("/classify", body, Stop);
        Assert.True(status == 200, $"{body}: {status} {answer?.ToJsonString()}");
        return answer!["data"]!;
    }
}
