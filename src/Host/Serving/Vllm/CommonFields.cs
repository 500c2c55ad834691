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
    private const int MaxSaltLength = 128;

    /// <summary>Reads them, in the order in which vLLM's errors name them.</summary>
    public static CommonFields Read(JsonMap body)
    {
        bool? activation = ReadActivation(body);
        string? model = RequestFields.OptionalText(body, "model");
        RequestFields.OptionalText(body, "user");
        long? truncate = RequestFields.OptionalInteger(body, "truncate_prompt_tokens", least: -1);
        RequestFields.Choice(body, "padding", nullable: true, "max_length", "do_not_pad");
        string? side = RequestFields.Choice(body, "truncation_side", nullable: true, "left", "right");
        string? id = RequestFields.TextIfThere(body, "request_id");
        RequestFields.Integer(body, "priority", 0);
        RequestFields.OptionalMap(body, "mm_processor_kwargs");
        return new CommonFields(model, truncate, side == "left", id, activation);
    }

    /// <summary>The field that comes before all others.</summary>
    public static bool? ReadActivation(JsonMap body) => RequestFields.OptionalBoolean(body, "use_activation");

    /// <summary>Refuses what older releases called otherwise, and salts that are none; vLLM looks at these before the form.</summary>
    public static void RefuseRemoved(JsonMap body)
    {
        if (body.Has("cache_salt") && body.Get("cache_salt") is not string { Length: > 0 and <= MaxSaltLength })
        {
            throw RequestFields.Refusal(
                $"Parameter 'cache_salt' must be a text of 1 to {MaxSaltLength} characters if provided. (parameter=cache_salt)",
                "cache_salt");
        }

        if (body.ContainsKey("normalize"))
        {
            throw RequestFields.Refusal(
                "Parameter `normalize` was removed; use `use_activation` instead. (parameter=normalize)", "normalize");
        }
    }

    /// <summary>Most tokens to keep for a model; null for no truncation.</summary>
    public int? Limit(ServedModel model) => Truncate switch
    {
        null => null,
        -1 => model.MaxLength,
        long most when most > model.MaxLength =>
            throw RequestFields.Refusal(
                "truncate_prompt_tokens value is greater than max_model_len. Please request a smaller truncation size."),
        long most => (int)most,
    };

    /// <summary>The answer's id: a prefix and the request's own id, its X-Request-Id header, or 16 digits.</summary>
    public string AnswerId(RequestScope scope, string prefix) => prefix + (Printable(RequestId) ?? HeaderId(scope) ?? NewId());

    /// <summary>Sixteen digits.</summary>
    public static string NewId() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(8));

    private static string? HeaderId(RequestScope scope) => Printable(scope.Context.Request.Headers["X-Request-Id"].ToString());

    private static string? Printable(string? id) =>
        string.IsNullOrEmpty(id) || id.Length > MaxIdLength || PythonJson.HasLoneSurrogate(id) ? null : id;

    /// <summary>What the interface answers for a raw reward.</summary>
    public float Activate(ServedModel model, float reward) =>
        UseActivation == false || model.IsRegression ? reward : (float)(1 / (1 + Math.Exp(-(double)reward)));
}
