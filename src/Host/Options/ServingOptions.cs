using System.CommandLine;
using System.Net;
using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Host.Serving;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Models;

namespace Rm.Host.Options;

/// <summary>What is served, where, and within which limits.</summary>
internal sealed class ServingOptions : OptionGroup
{
    // Packed tokens of a micro-batch where nobody says: enough to fill a device, few enough that a request need not wait long for the one
    // before it.
    private const int CpuBudget = 2048;
    private const int GpuBudget = 16384;

    private static readonly Dictionary<string, bool> Scopes = new(StringComparer.Ordinal) { ["v1"] = false, ["all"] = true };

    private readonly Option<string?> _model;
    private readonly Option<string[]?> _adapter;
    private readonly Option<string?> _baseDType;
    private readonly Option<string?> _name;
    private readonly Option<string> _host;
    private readonly Option<int> _port;
    private readonly Option<string?> _keyFile;
    private readonly Option<string?> _keyScope;
    private readonly Option<long> _maxQueueTokens;
    private readonly Option<int> _maxRequestTokens;
    private readonly Option<int> _maxBodyMegabytes;
    private readonly Option<double> _requestTimeout;
    private readonly Option<double> _stopTimeout;
    private readonly Option<int> _microTokenBudget;
    private readonly Option<bool> _noPrefixSharing;
    private readonly Option<bool> _noAccessLog;

    public ServingOptions()
    {
        var limits = new ServerLimits();
        _model = AddOptional<string>(
            "--model", "Checkpoint folder or hub's model org/name[@revision]; default: the base model that the first adapter names.",
            "DIR|ID");
        _adapter = AddOptional<string[]>(
            "--adapter", "Adapter folder or hub's adapter; again for more over the same base, NAME=DIR to name them.", "[NAME=]DIR|ID");
        _baseDType = Add(BaseDTypeOption.Create());
        _name = AddOptional<string>("--served-model-name", "Name for the model field of requests; default: the folder's.", "NAME");
        _host = Add("--host", "Address to listen on; one that other machines reach needs --api-key-file.", "127.0.0.1", "ADDRESS");
        _port = Add("--port", "Port; 0 takes any that is free.", 8000, "N");
        _keyFile = AddOptional<string>("--api-key-file", "File whose first line is the key that requests must name as a bearer.", "FILE");
        _keyScope = AddOptional<string>(
            "--api-key-scope",
            "Paths that ask for the key: v1 (under /v1 and /v2, as vLLM does) or all; default: v1 on a loopback address, all on others.",
            "SCOPE");
        _maxQueueTokens = Add(
            "--max-queue-tokens", "Tokens that may wait; beyond them requests are told to come back (429).", limits.MaxQueueTokens, "N");
        _maxRequestTokens = Add("--max-request-tokens", "Tokens of one request.", limits.MaxRequestTokens, "N");
        _maxBodyMegabytes = Add("--max-body-mb", "Size of a request's body in MiB.", (int)(limits.MaxBodyBytes >> 20), "N");
        _requestTimeout = Add(
            "--request-timeout", "Seconds within which a request is answered or refused.", limits.RequestTimeout.TotalSeconds, "SECONDS");
        _stopTimeout = Add(
            "--stop-timeout", "Seconds that a stop waits for what was accepted.", limits.StopTimeout.TotalSeconds, "SECONDS");
        _microTokenBudget = Add(
            "--micro-token-budget", $"Most packed tokens computed at once; 0: {CpuBudget} on a CPU, {GpuBudget} on a GPU.", 0, "N");
        _noPrefixSharing = AddFlag("--no-prefix-sharing", "Compute what texts begin with for each of them.");
        _noAccessLog = AddFlag("--no-access-log", "No line on stderr for each request.");
    }

    /// <summary>What is loaded; the rules of texts and the longest sequence are another group's.</summary>
    public ServedModelChoice Models(ParseResult result) =>
        new(
            result.GetValue(_model), result.GetValue(_adapter) ?? [], result.GetValue(_name), null,
            (vocabSize, _) => new TextOptions(true, null, 0, default, vocabSize))
        {
            BaseDType = BaseDTypeOption.Read(result, _baseDType),
        };

    /// <summary>Throws <see cref="UserInputException"/> for what makes no sense; called before anything is loaded.</summary>
    public void Check(ParseResult result) => Server(result, isCpu: true);

    /// <summary>Where and how it is served.</summary>
    public RewardServerOptions Server(ParseResult result, bool isCpu)
    {
        IPAddress address = Address(result.GetValue(_host)!);
        int port = result.GetValue(_port);
        Require(port is >= 0 and <= 65535, _port, "is not a port; give one from 1 to 65535, or 0 for any that is free");
        Require(result.GetValue(_maxQueueTokens) >= 1, _maxQueueTokens, "must be at least 1");
        Require(result.GetValue(_maxRequestTokens) >= 1, _maxRequestTokens, "must be at least 1");
        Require(result.GetValue(_maxBodyMegabytes) is >= 1 and <= 1024, _maxBodyMegabytes, "must be from 1 to 1024");
        Require(result.GetValue(_microTokenBudget) >= 0, _microTokenBudget, "must be 0 or more");
        bool isLoopback = IPAddress.IsLoopback(address);
        bool scopeIsAll = result.GetValue(_keyScope) is { } scope
            ? Scopes.TryGetValue(scope, out bool all)
                ? all
                : throw new UserInputException($"--api-key-scope '{scope}' is not known. Choose v1 or all.")
            : !isLoopback;
        ApiKey? key = result.GetValue(_keyFile) is { } file ? ApiKey.Read(file, scopeIsAll) : null;
        if (key is null && !isLoopback)
        {
            throw new UserInputException(
                $"--host {address} can be reached from other machines, and there is no key. Write one into a file and give "
                + "--api-key-file FILE, or listen on 127.0.0.1 and forward the port.");
        }

        var limits = new ServerLimits
        {
            MaxBodyBytes = (long)result.GetValue(_maxBodyMegabytes) << 20,
            MaxRequestTokens = result.GetValue(_maxRequestTokens),
            MaxQueueTokens = result.GetValue(_maxQueueTokens),
            RequestTimeout = Seconds(result, _requestTimeout),
            StopTimeout = Seconds(result, _stopTimeout),
        };
        int budget = result.GetValue(_microTokenBudget) is > 0 and int given ? given : isCpu ? CpuBudget : GpuBudget;
        return new RewardServerOptions(address, port, limits, budget, !result.GetValue(_noPrefixSharing))
        {
            Key = key,
            AccessLog = result.GetValue(_noAccessLog) ? null : Console.Error,
            Report = e => Console.Error.WriteLine($"btrm: a request failed: {e.GetType().Name}: {e.Message}"),
        };
    }

    private static TimeSpan Seconds(ParseResult result, Option<double> option)
    {
        double seconds = result.GetValue(option);
        Require(seconds is > 0 and <= 86400, option, "must be more than 0 and at most 86400");
        return TimeSpan.FromSeconds(seconds);
    }

    private static IPAddress Address(string host) => host switch
    {
        "localhost" => IPAddress.Loopback,
        _ when IPAddress.TryParse(host, out IPAddress? address) => address,
        _ => throw new UserInputException(
            $"--host '{host}' is no address. Give 127.0.0.1, ::1, 0.0.0.0 (all of IPv4), or one that this machine has."),
    };
}
