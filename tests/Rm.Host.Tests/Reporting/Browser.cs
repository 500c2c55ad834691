using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Rm.Host.Tests.Reporting;

/// <summary>
/// Chromium without a window, driven through its remote debugging protocol. Notes everything that a page must not do: errors, messages on
/// the console, requests.
/// </summary>
internal sealed class Browser : IDisposable
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ScratchFolder _profile = new();
    private readonly Process _process;
    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode>> _waiting = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _events = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _requests = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new(Patience);
    private readonly StringBuilder _log = new();
    private int _lastId;
    private string? _session;

    private Browser(Process process) => _process = process;

    /// <summary>Where Chromium is on this machine, or null. BTRM_CHROMIUM names another.</summary>
    public static string? Path { get; } = Environment.GetEnvironmentVariable("BTRM_CHROMIUM") is { Length: > 0 } named
        ? named
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator)
            .SelectMany(folder => Names.Select(name => System.IO.Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    /// <summary>Errors and messages of the page.</summary>
    public ConcurrentQueue<string> Complaints { get; } = new();

    /// <summary>Addresses that the page asked for, without those that its policy stopped: they leave a complaint.</summary>
    public IEnumerable<string> Requests => _requests.Values;

    /// <summary>Starts a browser with one empty page.</summary>
    public static async Task<Browser> StartAsync()
    {
        var start = new ProcessStartInfo(Path!) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
        var browser = new Browser(new Process { StartInfo = start });
        string[] arguments =
        [
            // The sandbox cannot start as root or in most containers, and these pages are our own.
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking",
            "--remote-debugging-port=0", $"--user-data-dir={browser._profile["profile"]}", "about:blank",
        ];
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        var address = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        browser._process.ErrorDataReceived += (_, e) => browser.Note(e.Data, address);
        browser._process.OutputDataReceived += (_, _) => { };
        browser._process.EnableRaisingEvents = true;
        browser._process.Exited += (_, _) => address.TrySetException(new InvalidOperationException($"{Path} ended:\n{browser._log}"));
        browser._process.Start();
        browser._process.BeginErrorReadLine();
        browser._process.BeginOutputReadLine();
        try
        {
            await browser._socket.ConnectAsync(new Uri(await address.Task.WaitAsync(Patience)), browser._stop.Token);
            _ = Task.Run(browser.ReadAsync);
            JsonNode target = await browser.SendAsync("Target.createTarget", ("url", "about:blank"));
            browser._session = (string)(await browser.SendAsync(
                "Target.attachToTarget", ("targetId", (string)target["targetId"]!), ("flatten", true)))["sessionId"]!;
            foreach (string domain in new[] { "Page", "Runtime", "Network", "Log" })
            {
                await browser.SendAsync($"{domain}.enable");
            }

            return browser;
        }
        catch
        {
            browser.Dispose();
            throw;
        }
    }

    /// <summary>Sets the page's width and the theme that the system is said to prefer.</summary>
    public async Task LookAsync(int width, bool dark)
    {
        await SendAsync(
            "Emulation.setDeviceMetricsOverride", ("width", width), ("height", 900), ("deviceScaleFactor", 1), ("mobile", width < 600));
        await SendAsync("Emulation.setEmulatedMedia",
            ("features", new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" })));
    }

    /// <summary>Opens an address and returns when it is loaded and has drawn itself.</summary>
    public async Task OpenAsync(Uri address)
    {
        var loaded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _events["Page.loadEventFired"] = loaded;
        await SendAsync("Page.navigate", ("url", address.AbsoluteUri));
        await loaded.Task.WaitAsync(_stop.Token);
        await DrawnAsync();
    }

    /// <summary>Returns when the page has drawn what is to be drawn: observers run and the library draws before the second frame.</summary>
    public Task DrawnAsync() =>
        EvaluateAsync("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => r(true), 0))))");

    /// <summary>The value of an expression on the page, awaited if it is a promise. Fails the test when it throws.</summary>
    public async Task<JsonNode?> EvaluateAsync(string expression)
    {
        JsonNode answer = await SendAsync("Runtime.evaluate", ("expression", expression), ("awaitPromise", true), ("returnByValue", true));
        Assert.True(answer["exceptionDetails"] is null, $"{expression}\n{answer["exceptionDetails"]?.ToJsonString()}");
        return answer["result"]!["value"];
    }

    /// <summary>Presses and releases a key.</summary>
    public async Task PressAsync(string key)
    {
        await SendAsync("Input.dispatchKeyEvent", ("type", "keyDown"), ("key", key), ("code", key));
        await SendAsync("Input.dispatchKeyEvent", ("type", "keyUp"), ("key", key), ("code", key));
    }

    public void Dispose()
    {
        _stop.Cancel();
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        _socket.Dispose();
        _stop.Dispose();
        _profile.Dispose();
    }

    private void Note(string? line, TaskCompletionSource<string> address)
    {
        const string Announcement = "DevTools listening on ";
        lock (_log)
        {
            _log.AppendLine(line);
        }

        if (line?.StartsWith(Announcement, StringComparison.Ordinal) == true)
        {
            address.TrySetResult(line[Announcement.Length..]);
        }
    }

    private async Task<JsonNode> SendAsync(string method, params (string Name, JsonNode? Value)[] parameters)
    {
        int id = Interlocked.Increment(ref _lastId);
        var message = new JsonObject
        {
            ["id"] = id,
            ["method"] = method,
            ["params"] = new JsonObject(parameters.Select(p => KeyValuePair.Create(p.Name, p.Value)))
        };
        if (_session is not null)
        {
            message["sessionId"] = _session;
        }

        var answer = new TaskCompletionSource<JsonNode>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[id] = answer;
        await _socket.SendAsync(Encoding.UTF8.GetBytes(message.ToJsonString()), WebSocketMessageType.Text, endOfMessage: true, _stop.Token);
        JsonNode result = await answer.Task.WaitAsync(_stop.Token);
        Assert.True(result["error"] is null, $"{method}: {result["error"]?.ToJsonString()}");
        return result["result"]!;
    }

    private async Task ReadAsync()
    {
        byte[] buffer = new byte[1 << 16];
        using var message = new MemoryStream();
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult part = await _socket.ReceiveAsync(buffer.AsMemory(), _stop.Token);
                message.Write(buffer, 0, part.Count);
                if (part.EndOfMessage)
                {
                    Take(JsonNode.Parse(message.GetBuffer().AsSpan(0, (int)message.Length))!);
                    message.SetLength(0);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or ObjectDisposedException)
        {
            // The browser is being closed; whoever still waits has the same token.
        }
    }

    private void Take(JsonNode message)
    {
        if (message["id"] is { } id)
        {
            _waiting[(int)id].TrySetResult(message);
            return;
        }

        JsonNode? details = message["params"];
        switch ((string?)message["method"])
        {
            case "Runtime.exceptionThrown" or "Runtime.consoleAPICalled" or "Log.entryAdded":
                Complaints.Enqueue(message.ToJsonString());
                break;
            case "Network.requestWillBeSent":
                _requests[(string)details!["requestId"]!] = (string)details["request"]!["url"]!;
                break;
            case "Network.loadingFailed" when (string?)details!["blockedReason"] == "csp":
                _requests.TryRemove((string)details["requestId"]!, out _);
                break;
            case { } name when _events.TryRemove(name, out TaskCompletionSource? waiting):
                waiting.TrySetResult();
                break;
        }
    }
}
