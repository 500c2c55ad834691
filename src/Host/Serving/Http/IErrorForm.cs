using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Http;

/// <summary>How an interface words its errors.</summary>
internal interface IErrorForm
{
    /// <summary>Status, content type and body of an error.</summary>
    ErrorReply Of(ApiException error);

    /// <summary>The answer to a request without the key.</summary>
    ErrorReply Unauthorized();
}

/// <summary>An error as it is sent.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Body">Body.</param>
/// <param name="ContentType">Its type.</param>
internal sealed record ErrorReply(int Status, ReadOnlyMemory<byte> Body, string ContentType = "application/json");
