using System.Text;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Oat;

/// <summary>A status and a plain text: OAT's client looks at nothing but the status.</summary>
internal sealed class OatErrors : IErrorForm
{
    /// <summary>The form.</summary>
    public static OatErrors Instance { get; } = new();

    /// <inheritdoc/>
    public ErrorReply Of(ApiException error) => new(error.Status, Encoding.UTF8.GetBytes(error.Message), "text/plain; charset=utf-8");

    /// <inheritdoc/>
    public ErrorReply Unauthorized() => Of(new ApiException(401, "Unauthorized"));
}
