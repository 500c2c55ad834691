using Rm.Host.Serving.Json;

namespace Rm.Host.Serving.Http;

/// <summary>
/// One JSON line a request: when, from where, which known path, what came of it. No text, no unknown path, no header and no query string of
/// a client is ever in it.
/// </summary>
internal sealed class AccessLog(TextWriter? output)
{
    private readonly Lock _lock = new();

    /// <summary>Writes a line.</summary>
    public void Write(RequestScope scope, string path, int status, double seconds)
    {
        if (output is null)
        {
            return;
        }

        ReadOnlyMemory<byte> line = JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("time", DateTime.UtcNow.ToString("O"));
            writer.WriteString("from", scope.Context.Connection.RemoteIpAddress?.ToString());
            writer.WriteString("method", Known(scope.Context.Request.Method));
            writer.WriteString("path", path);
            writer.WriteNumber("status", status);
            writer.WriteNumber("ms", Math.Round(1000 * seconds, 1));
            writer.WriteNumber("texts", scope.Texts);
            writer.WriteNumber("tokens", scope.Tokens);
            writer.WriteEndObject();
        });
        lock (_lock)
        {
            output.WriteLine(System.Text.Encoding.UTF8.GetString(line.Span));
        }
    }

    private static string Known(string method) =>
        method is "GET" or "POST" or "PUT" or "HEAD" or "OPTIONS" or "DELETE" or "PATCH" ? method : "other";
}
