using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Rm.Formats.Rendering;
using Rm.Host.Serving;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Models;
using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;

namespace Rm.Host.Tests.Serving;

/// <summary>A reward server in this process, on a port of its own.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly IBackend _backend;
    private readonly ServedModels _models;
    private readonly StringWriter _log = new();

    private RunningServer(IBackend backend, ServedModels models) => (_backend, _models) = (backend, models);

    public RewardServer Server { get; private set; } = null!;

    public HttpClient Client { get; } = new() { Timeout = TimeSpan.FromMinutes(5) };

    public string Log => _log.ToString();

    public List<Exception> Failures { get; } = [];

    /// <summary>Starts.</summary>
    /// <param name="model">Checkpoint.</param>
    /// <param name="adapters">Adapters.</param>
    /// <param name="maxLength">Longest sequence; null for the model's own.</param>
    /// <param name="limits">Limits.</param>
    /// <param name="key">Key, or null.</param>
    /// <param name="budget">Packed tokens of a micro-batch.</param>
    /// <param name="share">Whether what texts begin with is computed once.</param>
    /// <param name="backend">Device, which the server then owns; null for the CPU.</param>
    public static async Task<RunningServer> StartAsync(
        string model, string[]? adapters = null, int? maxLength = null, ServerLimits? limits = null, ApiKey? key = null, int budget = 2048,
        bool share = true, IBackend? backend = null)
    {
        backend ??= new CpuBackend(2);
        var choice = new ServedModelChoice(
            model, adapters ?? [], adapters is { Length: > 0 } ? null : "rm", maxLength,
            (vocab, _) => new TextOptions(true, null, 1024, TruncationMode.Response, vocab));
        ServedModels models = ServedModelLoader.Load(choice, backend);
        var running = new RunningServer(backend, models);
        var options = new RewardServerOptions(IPAddress.Loopback, 0, limits ?? new ServerLimits(), budget, share)
        {
            Key = key,
            AccessLog = TextWriter.Synchronized(running._log),
            Report = e =>
            {
                lock (running.Failures)
                {
                    running.Failures.Add(e);
                }
            },
        };
        running.Server = await RewardServer.StartAsync(models, options);
        running.Client.BaseAddress = running.Server.Address;
        return running;
    }

    /// <summary>Sends JSON and returns the answer's status and JSON.</summary>
    public async Task<(int Status, JsonNode? Body)> PostAsync(string path, string json, CancellationToken cancellation = default)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await Client.PostAsync(path, content, cancellation);
        string text = await response.Content.ReadAsStringAsync(cancellation);
        return ((int)response.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        _models.Dispose();
        _backend.Dispose();
    }
}
