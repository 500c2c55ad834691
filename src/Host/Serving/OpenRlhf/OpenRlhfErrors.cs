using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.OpenRlhf;

/// <summary>
/// <c>{"error": message}</c>. OpenRLHF's own server answers every fault with a bare 500; its client takes anything but 2xx for a failure.
/// </summary>
internal sealed class OpenRlhfErrors : IErrorForm
{
    /// <summary>The form.</summary>
    public static OpenRlhfErrors Instance { get; } = new();

    /// <inheritdoc/>
    public ErrorReply Of(ApiException error) => Reply(error.Status, error.Message);

    /// <inheritdoc/>
    public ErrorReply Unauthorized() => Reply(401, "Unauthorized");

    private static ErrorReply Reply(int status, string message) => new(status, JsonReply.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("error", message);
        writer.WriteEndObject();
    }));
}
