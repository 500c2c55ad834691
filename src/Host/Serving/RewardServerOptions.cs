using System.Net;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving;

/// <summary>What a reward server is started with.</summary>
/// <param name="Address">Address to listen on.</param>
/// <param name="Port">Port; 0 takes any that is free.</param>
/// <param name="Limits">Limits.</param>
/// <param name="MicroTokenBudget">Packed tokens of a micro-batch.</param>
/// <param name="SharePrefixes">Whether what texts begin with is computed once.</param>
internal sealed record RewardServerOptions(IPAddress Address, int Port, ServerLimits Limits, int MicroTokenBudget, bool SharePrefixes)
{
    /// <summary>Key, or null.</summary>
    public ApiKey? Key { get; init; }

    /// <summary>Where access lines go; null for nowhere.</summary>
    public TextWriter? AccessLog { get; init; }

    /// <summary>Where failures of the server itself are reported.</summary>
    public Action<Exception> Report { get; init; } = _ => { };
}
