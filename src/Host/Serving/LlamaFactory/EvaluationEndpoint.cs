using System.Text;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;
using Rm.Host.Serving.Vllm;

namespace Rm.Host.Serving.LlamaFactory;

/// <summary>
/// POST /v1/score/evaluation: texts that the trainer has rendered; no special tokens are added, longer ones are cut without a word, and the
/// model's name is echoed.
/// </summary>
internal static class EvaluationEndpoint
{
    /// <summary>Answers.</summary>
    public static async Task AnswerAsync(RequestScope scope)
    {
        JsonMap body = await ReadAsync(scope).ConfigureAwait(false);
        string name = (string)body["model"]!;
        ServedModel model = scope.Models.FindOrDefault(name);
        string[] texts = [.. ((List<object?>)body["messages"]!).Select(text => RequestFields.Encodable((string)text!))];
        if (texts.Length == 0)
        {
            throw new ApiException(400, "Invalid request");
        }

        int limit = body.Has("max_length") && LaxValues.TryInteger(body.Get("max_length"), out long most)
            ? (int)Math.Clamp(most, 0, model.MaxLength) : model.MaxLength;
        IReadOnlyList<int[]> sequences = Truncation.Encode(model.RequireTokenizer(), texts, addSpecialTokens: false, limit, keepEnd: false);
        float[] rewards = await scope.ScoreAsync(model, sequences).ConfigureAwait(false);
        await scope.ReplyAsync(JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("id", "scoreval-" + CommonFields.NewId() + CommonFields.NewId());
            writer.WriteString("object", "score.evaluation");
            writer.WriteString("model", name);
            writer.WriteStartArray("scores");
            Array.ForEach(rewards, writer.WriteReward);
            writer.WriteEndArray();
            writer.WriteEndObject();
        })).ConfigureAwait(false);
    }

    private static async Task<JsonMap> ReadAsync(RequestScope scope)
    {
        byte[] bytes = await scope.ReadBodyAsync().ConfigureAwait(false);
        if (bytes.Length == 0)
        {
            throw Invalid(new FieldFault("missing", ["body"], "Field required", null));
        }

        // What is not said to be JSON is a text to FastAPI.
        object? value = scope.IsJson ? RequestScope.ParseJson(bytes) : Encoding.UTF8.GetString(bytes);
        if (value is not JsonMap body)
        {
            throw Invalid(new FieldFault(
                "model_attributes_type", ["body"], "Input should be a valid dictionary or object to extract fields from", value));
        }

        var faults = new List<FieldFault>();
        if (!body.TryGetValue("model", out object? model))
        {
            faults.Add(new FieldFault("missing", ["body", "model"], "Field required", body));
        }
        else if (model is not string)
        {
            faults.Add(new FieldFault("string_type", ["body", "model"], "Input should be a valid string", model));
        }

        if (!body.TryGetValue("messages", out object? messages))
        {
            faults.Add(new FieldFault("missing", ["body", "messages"], "Field required", body));
        }
        else if (messages is not List<object?> list)
        {
            faults.Add(new FieldFault("list_type", ["body", "messages"], "Input should be a valid list", messages));
        }
        else
        {
            faults.AddRange(list.Select((item, i) => (item, i)).Where(entry => entry.item is not string).Select(entry =>
                new FieldFault("string_type", ["body", "messages", entry.i], "Input should be a valid string", entry.item)));
        }

        if (body.Has("max_length") && !LaxValues.TryInteger(body.Get("max_length"), out _))
        {
            (string type, string message) = body.Get("max_length") switch
            {
                string => ("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
                double real when double.IsFinite(real) =>
                    ("int_from_float", "Input should be a valid integer, got a number with a fractional part"),
                double => ("finite_number", "Input should be a finite number"),
                _ => ("int_type", "Input should be a valid integer"),
            };
            faults.Add(new FieldFault(type, ["body", "max_length"], message, body.Get("max_length")));
        }

        return faults.Count == 0 ? body : throw Invalid([.. faults]);
    }

    private static ApiException Invalid(params IReadOnlyList<FieldFault> faults) =>
        new(422, "The request's form is wrong.") { Faults = faults };
}
