using Rm.Host.Serving.Json;

namespace Rm.Host.Serving.Http;

/// <summary>Errors of the form <c>{"detail": ...}</c>, as FastAPI has them.</summary>
internal static class DetailReply
{
    /// <summary>An error with a text.</summary>
    public static ErrorReply Of(int status, string detail) => new(status, JsonReply.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("detail", detail);
        writer.WriteEndObject();
    }));
}
