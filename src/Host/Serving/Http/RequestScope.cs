using System.Text;
using Microsoft.AspNetCore.Http;
using Rm.Host.Serving.Batching;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Http;

/// <summary>One request: its body, the server's models, and scores for it.</summary>
internal sealed class RequestScope(
    HttpContext context, ServedModels models, ScoringEngine engine, ServerLimits limits, CancellationToken cancellation)
{
    private const string JsonType = "application/json";

    /// <summary>What the HTTP server knows of it.</summary>
    public HttpContext Context { get; } = context;

    /// <summary>The models.</summary>
    public ServedModels Models { get; } = models;

    /// <summary>Texts that were scored.</summary>
    public int Texts { get; private set; }

    /// <summary>Their tokens.</summary>
    public long Tokens { get; private set; }

    /// <summary>Cancelled when the client goes away or time is up.</summary>
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Tokens that wait for all requests.</summary>
    public long WaitingTokens => engine.WaitingTokens;

    /// <summary>Whether the body is said to be JSON; parameters and case do not count.</summary>
    public bool IsJson => MediaType.Equals(JsonType, StringComparison.OrdinalIgnoreCase);

    private ReadOnlySpan<char> MediaType
    {
        get
        {
            ReadOnlySpan<char> type = Context.Request.ContentType;
            int end = type.IndexOf(';');
            return (end < 0 ? type : type[..end]).Trim();
        }
    }

    /// <summary>The body's bytes.</summary>
    public async Task<byte[]> ReadBodyAsync()
    {
        using var bytes = new MemoryStream((int)Math.Clamp(Context.Request.ContentLength ?? 0, 0, limits.MaxBodyBytes));
        await Context.Request.Body.CopyToAsync(bytes, Cancellation).ConfigureAwait(false);
        return bytes.Length == bytes.Capacity ? bytes.GetBuffer() : bytes.ToArray();
    }

    /// <summary>The body as JSON.</summary>
    public async Task<object?> ReadJsonAsync() => ParseJson(await ReadBodyAsync().ConfigureAwait(false));

    /// <summary>JSON of a body, or the refusal of what is none.</summary>
    public static object? ParseJson(byte[] body)
    {
        try
        {
            return PythonJson.Parse(body);
        }
        catch (JsonDecodeException e)
        {
            throw new ApiException(400, $"The body is not JSON: {e.Message} at character {e.Position}.")
            {
                Param = $"body.{e.Position}",
                IsValidation = true,
                Faults = [new FieldFault("json_invalid", ["body", e.Position], "JSON decode error", new JsonMap()) { Context = e.Message }],
            };
        }
        catch (DecoderFallbackException)
        {
            throw new ApiException(400, "There was an error parsing the body: it is not UTF-8.") { IsValidation = true };
        }
    }

    /// <summary>Rewards of sequences; their tokens are checked against the model before, all of them.</summary>
    public async Task<float[]> ScoreAsync(ServedModel model, IReadOnlyList<int[]> sequences)
    {
        if (sequences.Count > limits.MaxTexts)
        {
            throw new ApiException(413, $"The request has {sequences.Count} texts; at most {limits.MaxTexts} go into one.");
        }

        long tokens = 0;
        foreach (int[] sequence in sequences)
        {
            Check(model, sequence);
            tokens += sequence.Length;
        }

        if (tokens > limits.MaxRequestTokens)
        {
            throw new ApiException(413, $"The request has {tokens} tokens; at most {limits.MaxRequestTokens} go into one.");
        }

        (Texts, Tokens) = (sequences.Count, tokens);
        return await engine.ScoreAsync(model, sequences, Cancellation).ConfigureAwait(false);
    }

    /// <summary>Answers with JSON.</summary>
    public Task ReplyAsync(ReadOnlyMemory<byte> json, int status = 200) => ReplyAsync(json, JsonType, status);

    /// <summary>Answers.</summary>
    public async Task ReplyAsync(ReadOnlyMemory<byte> content, string contentType, int status = 200)
    {
        HttpResponse response = Context.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        response.ContentLength = content.Length;
        if (Context.Request.Method != "HEAD")
        {
            await response.Body.WriteAsync(content, Cancellation).ConfigureAwait(false);
        }
    }

    private static void Check(ServedModel model, int[] sequence)
    {
        if (sequence.Length == 0)
        {
            throw new ApiException(400, "The decoder prompt cannot be empty");
        }

        if (sequence.Length > model.MaxLength)
        {
            throw new ApiException(
                400,
                $"This model's maximum context length is {model.MaxLength} tokens. However, your prompt contains at least "
                + $"{sequence.Length} input tokens. Please reduce the length of the input prompt.")
            { Param = "input_tokens" };
        }

        int vocabulary = model.Model.Config.VocabSize;
        foreach (int id in sequence)
        {
            if ((uint)id >= (uint)vocabulary)
            {
                throw new ApiException(400, $"Token id {id} is out of vocabulary");
            }
        }
    }
}
