using Microsoft.AspNetCore.Server.Kestrel.Core;
using Rm.Host.Serving.Batching;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Models;
using Rm.Host.Serving.Telemetry;
using Rm.Host.Serving.Vllm;
using Rm.Host.Web;

namespace Rm.Host.Serving;

/// <summary>Serves models over HTTP. It listens only after every model has computed a first score.</summary>
internal sealed class RewardServer : IAsyncDisposable
{
    private readonly ScoringEngine _engine;
    private readonly LocalWeb _web;

    private RewardServer(ScoringEngine engine, LocalWeb web, ServerMetrics metrics) => (_engine, _web, Metrics) = (engine, web, metrics);

    /// <summary>Where it listens.</summary>
    public Uri Address => _web.Address;

    /// <summary>Figures.</summary>
    public ServerMetrics Metrics { get; }

    /// <summary>Starts.</summary>
    public static async Task<RewardServer> StartAsync(ServedModels models, RewardServerOptions options)
    {
        var metrics = new ServerMetrics();
        ServerLimits limits = options.Limits;
        var engine = new ScoringEngine(options.MicroTokenBudget, options.SharePrefixes, limits.MaxQueueTokens, metrics);
        try
        {
            foreach (ServedModel model in models.All)
            {
                await engine.ScoreAsync(model, [[0]], CancellationToken.None).ConfigureAwait(false);
            }

            var routes = new RouteTable(Interfaces.Routes(metrics));
            var handler = new RequestHandler(
                routes, VllmErrors.Instance, models, engine, limits, options.Key, metrics, new AccessLog(options.AccessLog),
                options.Report);
            LocalWeb web = await LocalWeb.StartAsync(
                [options.Address], options.Port, Limit, handler.HandleAsync, limits.StopTimeout).ConfigureAwait(false);
            return new RewardServer(engine, web, metrics);
        }
        catch
        {
            engine.Dispose();
            throw;
        }

        void Limit(KestrelServerOptions kestrel)
        {
            kestrel.Limits.MaxRequestBodySize = limits.MaxBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = limits.MaxConnections;
            kestrel.Limits.RequestHeadersTimeout = limits.SlowClientTimeout;
            kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: limits.SlowClientTimeout);
            kestrel.Limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: limits.SlowClientTimeout);
        }
    }

    /// <summary>Finishes what was accepted, and stops.</summary>
    public async Task StopAsync()
    {
        await _web.StopAsync().ConfigureAwait(false);
        _engine.Dispose();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _web.DisposeAsync().ConfigureAwait(false);
        _engine.Dispose();
    }
}
