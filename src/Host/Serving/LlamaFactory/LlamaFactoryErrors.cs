using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.LlamaFactory;

/// <summary>FastAPI's errors: <c>{"detail": ...}</c>, with a list of faults under 422 when the form is wrong.</summary>
internal sealed class LlamaFactoryErrors : IErrorForm
{
    /// <summary>The form.</summary>
    public static LlamaFactoryErrors Instance { get; } = new();

    /// <inheritdoc/>
    public ErrorReply Of(ApiException error) =>
        error.Faults.Count == 0 ? DetailReply.Of(error.Status, error.Message) : new ErrorReply(422, JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("detail");
            foreach (FieldFault fault in error.Faults)
            {
                writer.WriteStartObject();
                writer.WriteString("type", fault.Type);
                writer.WriteStartArray("loc");
                foreach (object part in fault.Location)
                {
                    writer.WriteValue(part);
                }

                writer.WriteEndArray();
                writer.WriteString("msg", fault.Message);
                writer.WritePropertyName("input");
                writer.WriteValue(fault.Input);
                if (fault.Context is { } context)
                {
                    writer.WriteStartObject("ctx");
                    writer.WriteString("error", context);
                    writer.WriteEndObject();
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }));

    /// <inheritdoc/>
    public ErrorReply Unauthorized() => DetailReply.Of(401, "Invalid API key.");
}
