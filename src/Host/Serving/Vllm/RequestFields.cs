using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>Reads the fields of a vLLM request; the first that does not hold what it must is named in the error.</summary>
internal static class RequestFields
{
    /// <summary>The body as an object, after the content type has been looked at.</summary>
    public static async Task<JsonMap> ReadAsync(RequestScope scope)
    {
        if (!scope.IsJson)
        {
            const string Message = "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed";
            throw new ApiException(400, Message) { IsValidation = true };
        }

        byte[] body = await scope.ReadBodyAsync().ConfigureAwait(false);
        if (body.Length == 0)
        {
            throw Fault("body", "Field required");
        }

        return RequestScope.ParseJson(body) as JsonMap
            ?? throw Fault("body", "Input should be a valid dictionary or object to extract fields from");
    }

    /// <summary>The error of a field.</summary>
    public static ApiException Fault(string path, string message) =>
        new(400, $"1 validation error:\n  {{'loc': '{path}', 'msg': '{message}'}}") { Param = path, IsValidation = true };

    /// <summary>The refusal of something that is valid in form.</summary>
    public static ApiException Refusal(string message, string? param = null) => new(400, message) { Param = param };

    /// <summary>A text, or null when it is absent or null.</summary>
    public static string? OptionalText(JsonMap body, string name) => body.Get(name) switch
    {
        null => null,
        string text => text,
        _ => throw Fault($"body.{name}", "Input should be a valid string"),
    };

    /// <summary>A text, or null when it is absent; null itself is no text.</summary>
    public static string? TextIfThere(JsonMap body, string name) => body.TryGetValue(name, out object? value) && value is not string
        ? throw Fault($"body.{name}", "Input should be a valid string")
        : (string?)value;

    /// <summary>A whole number, or null when it is absent or null.</summary>
    public static long? OptionalInteger(JsonMap body, string name, long least = long.MinValue) =>
        body.Has(name) ? Integer(body, name, 0, least) : null;

    /// <summary>A whole number that cannot be null.</summary>
    public static long Integer(JsonMap body, string name, long otherwise, long least = long.MinValue)
    {
        if (!body.TryGetValue(name, out object? value))
        {
            return otherwise;
        }

        if (!LaxValues.TryInteger(value, out long number))
        {
            throw Fault($"body.{name}", "Input should be a valid integer");
        }

        return number >= least ? number : throw Fault($"body.{name}", $"Input should be greater than or equal to {least}");
    }

    /// <summary>A truth value where null is one of its own.</summary>
    public static bool? OptionalBoolean(JsonMap body, string name)
    {
        if (!body.Has(name))
        {
            return null;
        }

        return LaxValues.TryBoolean(body.Get(name), out bool truth)
            ? truth
            : throw Fault($"body.{name}", "Input should be a valid boolean");
    }

    /// <summary>A truth value that cannot be null.</summary>
    public static bool Boolean(JsonMap body, string name, bool otherwise)
    {
        if (!body.TryGetValue(name, out object? value))
        {
            return otherwise;
        }

        return LaxValues.TryBoolean(value, out bool truth) ? truth : throw Fault($"body.{name}", "Input should be a valid boolean");
    }

    /// <summary>
    /// What <paramref name="read"/> reads of a request that may be one of two forms. vLLM tries the one with <c>input</c> first, so that a
    /// request without it is told about that field, whatever else is wrong with it.
    /// </summary>
    public static T OfTwoForms<T>(JsonMap body, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ApiException e) when (e.IsValidation && !body.ContainsKey("input"))
        {
            throw new ApiException(e.Status, e.Message) { Param = "body.input", IsValidation = true };
        }
    }

    /// <summary>One of a few words; null when it is absent, or null and <paramref name="nullable"/>.</summary>
    public static string? Choice(JsonMap body, string name, bool nullable, params ReadOnlySpan<string> choices)
    {
        if (!body.TryGetValue(name, out object? value) || (nullable && value is null))
        {
            return null;
        }

        return value is string word && choices.Contains(word)
            ? word
            : throw Fault($"body.{name}", $"Input should be {string.Join(", ", choices.ToArray().Select(c => $"\\'{c}\\'"))}");
    }

    /// <summary>An object, or null.</summary>
    public static JsonMap? OptionalMap(JsonMap body, string name) => body.Get(name) switch
    {
        null => null,
        JsonMap map => map,
        _ => throw Fault($"body.{name}", "Input should be a valid dictionary"),
    };

    /// <summary>A text that the tokenizer can take.</summary>
    public static string Encodable(string text) => PythonJson.HasLoneSurrogate(text)
        ? throw Refusal("A text holds half of a surrogate pair, which is no character.")
        : text;
}
