using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Rm.Host.Reporting.Html;
using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Reporting;

/// <summary><c>btrm report --serve</c>: the page, its data as the run goes on, and everything that it must refuse.</summary>
public sealed partial class ReportServerTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();
    private readonly HttpClient _client = new();
    private ReportServer? _server;

    [Fact]
    public async Task The_page_is_served_with_a_policy_that_lets_it_ask_this_server_only()
    {
        Serve(MadeRun.Write(_scratch, "run"));
        using HttpResponseMessage answer = await Get("");
        string page = await Text(answer);
        Assert.Equal("text/html; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Contains("data-live=\"true\"", page, StringComparison.Ordinal);
        Assert.Contains("connect-src 'self'", page, StringComparison.Ordinal);
        Assert.Equal("run", (string?)RunReportTests.DataOf(page)["title"]);
    }

    [Fact]
    public async Task New_lines_come_with_the_next_answer_and_unchanged_files_cost_nothing()
    {
        string folder = MadeRun.Write(_scratch, "run", finished: false);
        Serve(folder);
        (JsonNode data, string tag) = await Data();
        Assert.Equal(60, LastStep(data));
        using (HttpResponseMessage same = await Get("data.json", tag))
        {
            Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
            Assert.Empty(await same.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        }

        await File.AppendAllTextAsync(Path.Combine(folder, "metrics.jsonl"), MadeRun.TrainLine(61), TestContext.Current.CancellationToken);
        using HttpResponseMessage next = await Get("data.json", tag);
        Assert.Equal(61, LastStep(JsonNode.Parse(await Text(next))!));
    }

    [Fact]
    public async Task A_run_that_is_resumed_cuts_its_log_and_the_page_follows()
    {
        string folder = MadeRun.Write(_scratch, "run", finished: false);
        Serve(folder);
        string log = Path.Combine(folder, "metrics.jsonl");
        string[] lines = await File.ReadAllLinesAsync(log, TestContext.Current.CancellationToken);
        await File.WriteAllLinesAsync(log, lines[..22], TestContext.Current.CancellationToken);
        Assert.Equal(20, LastStep((await Data()).Data));

        // Between truncating and writing a reader may find a line of which half is there, and a damaged file in a test of --overwrite.
        await File.WriteAllTextAsync(log, "{\"step\":1,\"lo", TestContext.Current.CancellationToken);
        Assert.Empty((await Data()).Data["train"]!["columns"]!["step"]!.AsArray());
        await File.WriteAllTextAsync(log, "no log\nat all\n", TestContext.Current.CancellationToken);
        using (HttpResponseMessage broken = await Get("data.json"))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, broken.StatusCode);
            Assert.Contains("metrics.jsonl, line 1", await Text(broken), StringComparison.Ordinal);
        }

        await File.WriteAllLinesAsync(log, lines, TestContext.Current.CancellationToken);
        Assert.Equal(60, LastStep((await Data()).Data));
    }

    [Theory]
    [InlineData("GET", "/run.json", 404)]
    [InlineData("GET", "/../run.json", 404)]
    [InlineData("GET", "/%2e%2e/run.json", 404)]
    [InlineData("GET", "/..%2frun/report.html", 404)]
    [InlineData("GET", "//etc/passwd", 404)]
    [InlineData("GET", "/run/report.html", 404)]
    [InlineData("GET", "/report.html?x=1", 200)]
    [InlineData("HEAD", "/", 405)]
    [InlineData("POST", "/", 405)]
    [InlineData("DELETE", "/data.json", 405)]
    public async Task There_are_exactly_two_addresses_and_one_method(string method, string path, int status)
    {
        Serve(MadeRun.Write(_scratch, "run"));
        Assert.Equal(status, await RawStatus($"{method} {path} HTTP/1.1\r\nHost: {_server!.Address.Authority}\r\nContent-Length: 0\r\n"));
    }

    [Theory]
    [InlineData("127.0.0.1:PORT", true)]
    [InlineData("localhost:PORT", true)]
    [InlineData("localhost:8080", true)] // a port forwarded from another machine
    [InlineData("127.0.0.1", true)]
    [InlineData("evil.example", false)]
    [InlineData("evil.example:PORT", false)]
    [InlineData("127.0.0.1.evil.example:PORT", false)]
    [InlineData("localhost@evil.example", false)]
    [InlineData("evil.example@localhost", false)]
    [InlineData("", false)]
    public async Task A_foreign_name_that_points_here_is_refused(string host, bool isServed)
    {
        Serve(MadeRun.Write(_scratch, "run"));
        int status = await RawStatus(
            $"GET /data.json HTTP/1.1\r\nHost: {host.Replace("PORT", $"{_server!.Address.Port}", StringComparison.Ordinal)}\r\n");
        Assert.True(isServed ? status == 200 : status is 400 or 403 or 404, $"'{host}' got {status}");
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST:1", true)]
    [InlineData("[::1]:6007", true)]
    [InlineData("127.0.0.1:6007", true)]
    [InlineData("10.0.0.1", false)]
    [InlineData("evil.example", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("evil.example@localhost", false)]
    [InlineData("localhost/..", false)]
    [InlineData(null, false)]
    public void Loopback_names_are_known(string? host, bool isLoopback) => Assert.Equal(isLoopback, ReportServer.IsLoopback(host));

    [Fact]
    public async Task A_folder_of_runs_is_served_with_every_run()
    {
        MadeRun.Write(_scratch, "sweep/a");
        MadeRun.Write(_scratch, "sweep/b b");
        Serve(_scratch["sweep"]);
        JsonNode overview = (await Data()).Data;
        string[] links = [.. overview["runs"]!.AsArray().Select(run => (string)run!["link"]!)];
        Assert.Equal(["./a/report.html", "./b%20b/report.html"], links);
        foreach (string link in links)
        {
            using HttpResponseMessage page = await Get(link);
            Assert.Equal(HttpStatusCode.OK, page.StatusCode);
            using HttpResponseMessage data = await Get(link.Replace("report.html", "data.json", StringComparison.Ordinal));
            Assert.Equal("run", (string?)JsonNode.Parse(await Text(data))!["kind"]);
        }

        // A run that begins while the server is up is part of the next answer.
        MadeRun.Write(_scratch, "sweep/c");
        Assert.Equal(3, (await Data()).Data["runs"]!.AsArray().Count);
        using HttpResponseMessage other = await Get("logs/report.html");
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
    }

    [Fact]
    public void A_port_that_is_taken_is_a_clear_error()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        Btrm.Fail(2, ["report", MadeRun.Write(_scratch, "run"), "--serve", "--port", $"{port}"], $"--port {port}");
        Btrm.Fail(2, ["report", _scratch["run"], "--serve", "--port", "70000"], "--port 70000");
    }

    [Theory]
    [InlineData(BtrmProcess.SigInt)]
    [InlineData(BtrmProcess.SigTerm)]
    public async Task A_signal_ends_the_server_with_success(int signal)
    {
        Assert.SkipWhen(SignalTests.IsIgnored(signal), "the signal is ignored here, and what is started inherits that");
        using BtrmProcess process = Btrm.Start("report", MadeRun.Write(_scratch, "run"), "--serve", "--port", "0");
        Assert.True(process.WaitFor(() => Announced().IsMatch(process.Output)), process.Error);
        using HttpResponseMessage answer =
            await _client.GetAsync(new Uri(Announced().Match(process.Output).Value), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        process.Signal(signal);
        CommandResult result = process.Wait();
        Assert.True(result.ExitCode == 0, $"exit {result.ExitCode}\n{result.Error}");
        Assert.Equal("", result.Error.Trim());
    }

    public void Dispose()
    {
        _server?.Dispose();
        _client.Dispose();
        _scratch.Dispose();
    }

    private void Serve(string folder)
    {
        _server = ReportServer.Start(new ReportSite(folder), 0);
    }

    private async Task<HttpResponseMessage> Get(string path, string? tag = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_server!.Address, path));
        if (tag is not null)
        {
            request.Headers.TryAddWithoutValidation("If-None-Match", tag);
        }

        return await _client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private async Task<(JsonNode Data, string Tag)> Data()
    {
        using HttpResponseMessage answer = await Get("data.json");
        string text = await Text(answer);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        return (JsonNode.Parse(text)!, answer.Headers.ETag!.Tag);
    }

    private static Task<string> Text(HttpResponseMessage answer) => answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    private static int LastStep(JsonNode data) => (int)data["train"]!["columns"]!["step"]!.AsArray()[^1]!;

    // What no client would send.
    private async Task<int> RawStatus(string head)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, _server!.Address.Port, TestContext.Current.CancellationToken);
        NetworkStream stream = connection.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{head}Connection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        string line = await reader.ReadLineAsync(TestContext.Current.CancellationToken) ?? "";
        return int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+/")]
    private static partial Regex Announced();
}
