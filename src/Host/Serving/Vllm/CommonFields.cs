using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>The fields that every scoring request of vLLM has.</summary>
/// <param name="Model">Name, or null.</param>
/// <param name="Truncate">Tokens to keep; -1 for as many as the model takes; null for a refusal of longer texts.</param>
/// <param name="KeepEnd">Whether the last tokens are kept rather than the first.</param>
/// <param name="RequestId">What the answer's id ends in, or null.</param>
/// <param name="UseActivation">false: the raw reward; otherwise its sigmoid.</param>
internal sealed record CommonFields(string? Model, long? Truncate, bool KeepEnd, string? RequestId, bool? UseActivation)
{
    private const int MaxIdLength = 256;

    /// <summary>Reads them, in the order in which vLLM's errors name them.</summary>
    public static CommonFields Read(JsonMap body)
    {
        string? model = RequestFields.OptionalText(body, "model");
        RequestFields.OptionalText(body, "user");
        long? truncate = RequestFields.OptionalInteger(body, "truncate_prompt_tokens", least: -1);
        string? side = RequestFields.Choice(body, "truncation_side", nullable: true, "left", "right");
        string? id = RequestFields.OptionalText(body, "request_id");
        RequestFields.OptionalInteger(body, "priority");
        RequestFields.OptionalMap(body, "mm_processor_kwargs");
        RequestFields.OptionalText(body, "cache_salt");
        bool? activation = RequestFields.OptionalBoolean(body, "use_activation");
        return new CommonFields(model, truncate, side == "left", id, activation);
    }

    /// <summary>Refuses what older releases called otherwise.</summary>
    public static void RefuseRemoved(JsonMap body)
    {
        if (body.ContainsKey("normalize"))
        {
            throw RequestFields.Refusal("Parameter `normalize` was removed; use `use_activation` instead. (parameter=normalize)", "normalize");
        }
    }

    /// <summary>Most tokens to keep for a model; null for no truncation.</summary>
    public int? Limit(ServedModel model) => Truncate switch
    {
        null => null,
        -1 => model.MaxLength,
        long most when most > model.MaxLength =>
            throw RequestFields.Refusal("truncate_prompt_tokens value is greater than max_model_len. Please request a smaller truncation size."),
        long most => (int)most,
    };

    /// <summary>The answer's id: a prefix and the request's own id, its X-Request-Id header, or 16 digits.</summary>
    public string AnswerId(RequestScope scope, string prefix) => prefix + (Printable(RequestId) ?? HeaderId(scope) ?? NewId());

    /// <summary>Sixteen digits.</summary>
    public static string NewId() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(8));

    private static string? HeaderId(RequestScope scope) => Printable(scope.Context.Request.Headers["X-Request-Id"].ToString());

    private static string? Printable(string? id) => string.IsNullOrEmpty(id) || id.Length > MaxIdLength || PythonJson.HasLoneSurrogate(id) ? null : id;

    /// <summary>What the interface answers for a raw reward.</summary>
    public float Activate(ServedModel model, float reward) =>
        UseActivation == false || model.IsRegression ? reward : (float)(1 / (1 + Math.Exp(-(double)reward)));
}
