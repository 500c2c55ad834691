using Microsoft.AspNetCore.WebUtilities;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>
/// vLLM's errors: <c>{"error": {message, type, param, code}}</c>. A request whose form is at fault has the status' phrase for its type
/// ("Bad Request"), what the server refuses has a class' name ("BadRequestError").
/// </summary>
internal sealed class VllmErrors : IErrorForm
{
    /// <summary>The form.</summary>
    public static VllmErrors Instance { get; } = new();

    /// <inheritdoc/>
    public ErrorReply Of(ApiException error) => new(error.Status, JsonReply.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartObject("error");
        writer.WriteString("message", error.Message);
        writer.WriteString("type", error.IsValidation ? Phrase(error.Status) : ClassName(error.Status));
        writer.WriteString("param", error.Param);
        writer.WriteNumber("code", error.Status);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }));

    /// <inheritdoc/>
    public ErrorReply Unauthorized() => new(401, JsonReply.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("error", "Unauthorized");
        writer.WriteEndObject();
    }));

    private static string Phrase(int status) => ReasonPhrases.GetReasonPhrase(status);

    private static string ClassName(int status) =>
        status >= 500 ? "InternalServerError" : Phrase(status).Replace(" ", "", StringComparison.Ordinal) + "Error";
}
