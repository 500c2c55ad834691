using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;
using Rm.Host.Serving.Vllm;
using Rm.Training.Evaluation;

namespace Rm.Host.Serving.Own;

/// <summary>
/// POST /v1/rewards: btrm's own. Either <c>rows</c>, as <c>btrm score</c> takes them, or a <c>prompt</c> with its <c>candidates</c>. Texts
/// are rendered and cut as in training; raw rewards come back.
/// </summary>
internal static class RewardsEndpoint
{
    /// <summary>Its path.</summary>
    public const string Path = "/v1/rewards";

    /// <summary>Answers.</summary>
    public static async Task AnswerAsync(RequestScope scope)
    {
        byte[] body = await scope.ReadBodyAsync().ConfigureAwait(false);
        DataRow request = Guarded(() => DataRow.FromJson("request", 1, Parse(body), body.Length));
        ServedModel model = scope.Models.Find(Guarded(() => request.GetOptionalText("model")));
        Task answer = request.Has("rows") ? AnswerRowsAsync(scope, model, request) : AnswerCandidatesAsync(scope, model, request);
        await answer.ConfigureAwait(false);
    }

    private static async Task AnswerRowsAsync(RequestScope scope, ServedModel model, DataRow request)
    {
        JsonElement list = request.Columns["rows"];
        if (list.ValueKind != JsonValueKind.Array)
        {
            throw new ApiException(400, "rows must be a list of objects.") { Param = "rows" };
        }

        // Rows of a CSV file have nothing but texts, which are read with more patience.
        bool isText = request.TryGet("csv", out JsonElement csv) && csv.ValueKind == JsonValueKind.True;
        JsonElement[] items = [.. list.EnumerateArray()];
        var rows = new RowTokens[items.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = Guarded(() => model.Rows.Tokenize(DataRow.FromJson("rows", i + 1, items[i], 0, isText)));
        }

        float[] rewards = await scope.ScoreAsync(model, [.. rows.SelectMany(row => row.Sequences)]).ConfigureAwait(false);
        await ReplyAsync(scope, model, writer =>
        {
            int next = 0;
            writer.WriteStartArray("rows");
            foreach (RowTokens row in rows)
            {
                writer.WriteStartObject();
                writer.WriteStartArray("rewards");
                for (int k = 0; k < row.Sequences.Length; k++)
                {
                    writer.WriteReward(rewards[next++]);
                }

                writer.WriteEndArray();
                WriteError(writer, row.Error);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }).ConfigureAwait(false);
    }

    private static async Task AnswerCandidatesAsync(RequestScope scope, ServedModel model, DataRow request)
    {
        Conversation[] candidates = Guarded(() => Candidates(request).ToArray());
        TokenizedText[] texts = [.. candidates.Select(candidate => Guarded(() => model.Rows.Tokenize(candidate, request)))];
        float[] rewards = await scope.ScoreAsync(
            model, [.. texts.Where(text => text.Ids is not null).Select(text => text.Ids!)]).ConfigureAwait(false);
        await ReplyAsync(scope, model, writer =>
        {
            (int next, int best, float highest) = (0, -1, float.NegativeInfinity);
            writer.WriteStartArray("rewards");
            for (int i = 0; i < texts.Length; i++)
            {
                if (texts[i].Ids is null)
                {
                    writer.WriteNullValue();
                    continue;
                }

                float reward = rewards[next++];
                writer.WriteReward(reward);
                (best, highest) = reward > highest ? (i, reward) : (best, highest);
            }

            writer.WriteEndArray();
            writer.WriteStartArray("errors");
            foreach (TokenizedText text in texts)
            {
                writer.WriteStringValue(text.Dropped == DropReason.None ? null : DataReportText.Describe(text.Dropped));
            }

            writer.WriteEndArray();
            writer.WritePropertyName("best");
            writer.WriteValue(best < 0 ? null : (object)(long)best);
        }).ConfigureAwait(false);
    }

    private static Task ReplyAsync(RequestScope scope, ServedModel model, Action<Utf8JsonWriter> writeRewards) =>
        scope.ReplyAsync(JsonReply.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("id", "rewards-" + CommonFields.NewId());
        writer.WriteString("object", "rewards");
        writer.WriteNumber("created", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        writer.WriteString("model", model.Name);
        writeRewards(writer);
        Usage.WriteShort(writer, scope.Tokens);
        writer.WriteEndObject();
    }));

    private static void WriteError(Utf8JsonWriter writer, DropReason error)
    {
        writer.WriteString("error", error == DropReason.None ? null : DataReportText.Describe(error));
        writer.WriteString("reason", error == DropReason.None ? null : error.ToString());
    }

    // As a row {prompt, chosen, rejected} is read: a text is an assistant's turn, a list is turns.
    private static IEnumerable<Conversation> Candidates(DataRow request)
    {
        if (!request.TryGet("candidates", out JsonElement list) || list.ValueKind != JsonValueKind.Array || !request.Has("prompt"))
        {
            throw new UserInputException(
                "Give rows: a list of rows as btrm score takes them, or prompt and candidates: a list of answers to it.");
        }

        foreach (JsonElement item in list.EnumerateArray())
        {
            // The parser of pairs decides what prompt and answer become; the other side is not looked at.
            var row = DataRow.FromJson("request", 1, Pair(request.Columns["prompt"], item), 0);
            yield return ScoreRowParser.Parse(row).Pair!.Chosen;
        }
    }

    private static JsonElement Pair(JsonElement prompt, JsonElement candidate) => JsonElement.Parse(JsonReply.Write(writer =>
    {
        writer.WriteStartObject();
        foreach ((string name, JsonElement value) in new[] { ("prompt", prompt), ("chosen", candidate), ("rejected", candidate) })
        {
            writer.WritePropertyName(name);
            value.WriteTo(writer);
        }

        writer.WriteEndObject();
    }).Span);

    private static JsonElement Parse(byte[] body)
    {
        try
        {
            return JsonElement.Parse(body);
        }
        catch (JsonException e)
        {
            string message = $"The body is not JSON at byte {e.BytePositionInLine} of line {e.LineNumber + 1}.";
            throw new ApiException(400, message) { IsValidation = true };
        }
    }

    private static T Guarded<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (UserInputException e)
        {
            throw new ApiException(400, e.Message) { IsValidation = true };
        }
        catch (InvalidOperationException e) when (e.Source == "System.Text.Json")
        {
            throw new ApiException(400, "A text is not valid Unicode.") { IsValidation = true };
        }
    }
}
