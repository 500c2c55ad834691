using Rm.Formats;
using Rm.Formats.Hub;

namespace Rm.Host.Tests.Hub;

/// <summary>Bad days of a network.</summary>
public sealed class HubTransferTests : IDisposable
{
    private readonly FakeHub _hub = new();
    private readonly ScratchFolder _cache = new();
    private readonly FakeRepo _repo;
    private int _count;

    public HubTransferTests() => _repo = _hub.Add("models/org/tiny").AsModel();

    private string Blobs => Path.Combine(_cache.Path, "models--org--tiny", "blobs");

    private byte[] Weights => _repo.Files["model.safetensors"];

    private string WeightsBlob => Path.Combine(Blobs, FakeRepo.Sha256(Weights));

    public void Dispose()
    {
        _hub.Dispose();
        _cache.Dispose();
    }

    [Fact]
    public void The_token_goes_to_the_hub_and_never_to_the_storage_server()
    {
        Resolve(Settings with { Token = "hf_secret" });
        Assert.All(_hub.Server.Requests, r => Assert.Equal("Bearer hf_secret", r.Header("Authorization")));
        Assert.NotEmpty(_hub.Storage.Requests);
        Assert.All(_hub.Storage.Requests, r => Assert.Null(r.Header("Authorization")));
        Assert.DoesNotContain("hf_secret", _hub.Messages.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_connection_goes_on_where_it_broke()
    {
        _hub.InterceptStorage = r => Once() ? FakeHub.Content(r, Weights) with { BreakAfter = 30_000 } : null;
        CheckWeights(Resolve());
        string[] ranges = [.. _hub.Storage.Requests.Select(r => r.Header("Range") ?? "")];
        Assert.Equal(2, ranges.Length);
        Assert.Equal("", ranges[0]);
        Assert.StartsWith("bytes=", ranges[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_body_that_ends_early_goes_on_too()
    {
        _hub.InterceptStorage = r => Once() ? (FakeHub.Content(r, Weights[..50_000]) with { HidesLength = true }) : null;
        CheckWeights(Resolve());
        Assert.Equal("bytes=50000-", _hub.Storage.Requests.Last().Header("Range"));
    }

    [Fact]
    public void What_an_earlier_process_left_is_not_fetched_again()
    {
        Directory.CreateDirectory(Blobs);
        File.WriteAllBytes(WeightsBlob + ".incomplete", Weights[..70_000]);
        CheckWeights(Resolve());
        Assert.Equal("bytes=70000-", Assert.Single(_hub.Storage.Requests).Header("Range"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_partial_file_with_other_content_is_fetched_anew(bool isTooLong)
    {
        Directory.CreateDirectory(Blobs);
        File.WriteAllBytes(WeightsBlob + ".incomplete", FakeRepo.RandomBytes(isTooLong ? Weights.Length + 5 : 70_000, seed: 9));
        CheckWeights(Resolve());
    }

    [Fact]
    public void A_server_without_ranges_starts_again()
    {
        Directory.CreateDirectory(Blobs);
        File.WriteAllBytes(WeightsBlob + ".incomplete", Weights[..70_000]);
        _hub.InterceptStorage = _ => new FakeResponse(200, Weights);
        CheckWeights(Resolve());
    }

    [Fact]
    public void A_range_other_than_the_one_asked_for_does_not_spoil_the_file()
    {
        Directory.CreateDirectory(Blobs);
        File.WriteAllBytes(WeightsBlob + ".incomplete", Weights[..70_000]);
        _hub.InterceptStorage = r =>
            Once() ? new FakeResponse(206, Weights[10..]).With("Content-Range", $"bytes 10-{Weights.Length - 1}/{Weights.Length}") : null;
        CheckWeights(Resolve());
    }

    [Fact]
    public void A_wrong_checksum_is_tried_again_and_then_an_error_that_leaves_nothing()
    {
        byte[] wrong = FakeRepo.RandomBytes(Weights.Length, seed: 2);
        _hub.InterceptStorage = _ => Once() ? new FakeResponse(200, wrong) : null;
        CheckWeights(Resolve());

        using var other = new ScratchFolder();
        _hub.InterceptStorage = _ => new FakeResponse(200, wrong);
        UserInputException e = Assert.Throws<UserInputException>(() => Resolve(_hub.Settings(other.Path)));
        Assert.Contains("model.safetensors", e.Message, StringComparison.Ordinal);
        Assert.Contains("checksum", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(other.Path, "models--org--tiny", "snapshots")));
        Assert.DoesNotContain(
            Directory.GetFiles(Path.Combine(other.Path, "models--org--tiny", "blobs")), f =>
                Path.GetFileName(f) == FakeRepo.Sha256(Weights));
    }

    [Fact]
    public void A_small_files_checksum_is_gits()
    {
        _hub.Intercept = r => r.Method == "GET" && r.Path.EndsWith("/config.json", StringComparison.Ordinal)

                ? FakeResponse.Text(200, "{\"model_type\": \"evil2\"}").With("ETag", $"\"{FakeRepo.GitHash(_repo.Files["config.json"])}\"")
                : null;
        Assert.Contains("checksum", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_bytes_than_announced_are_not_stored()
    {
        _hub.InterceptStorage = _ => new FakeResponse(200, [.. Weights, .. new byte[1000]]);
        Assert.Contains("more than", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
        Assert.True(new FileInfo(WeightsBlob + ".incomplete").Length <= Weights.Length);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public void An_overloaded_server_is_asked_again(int status)
    {
        // Every address fails once, on both servers.
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<string, bool>();
        FakeResponse? Fail(FakeRequest r) =>
            seen.TryAdd(r.Method + r.Target, true) ? FakeResponse.Text(status).With("Retry-After", "0") : null;
        _hub.Intercept = Fail;
        _hub.InterceptStorage = Fail;
        CheckWeights(Resolve());
        Assert.Contains($"answers {status}", _hub.Messages.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_stays_overloaded_is_an_error_with_the_count_of_attempts()
    {
        _hub.Intercept = _ => FakeResponse.Text(503);
        UserInputException e = Assert.Throws<UserInputException>(() => Resolve());
        Assert.Contains("503", e.Message, StringComparison.Ordinal);
        Assert.Contains("6 attempts", e.Message, StringComparison.Ordinal);
        Assert.Equal(6, _hub.Server.Requests.Count);
    }

    [Fact]
    public void A_body_that_stalls_is_asked_for_again()
    {
        _hub.InterceptStorage = r => Once() ? FakeHub.Content(r, Weights) with { StallAfter = 40_000 } : null;
        CheckWeights(Resolve(Settings with { Timeout = TimeSpan.FromSeconds(2) }));
        Assert.Contains("no data for 2 s", _hub.Messages.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_body_that_trickles_is_as_good_as_stalled()
    {
        using var body = new TricklingStream();
        using var reader = new PacedReader(body, TimeSpan.FromMilliseconds(20), slowTimeouts: 2, slowBytes: 1_000_000);
        byte[] buffer = new byte[16];
        HubTransferException e = Assert.Throws<HubTransferException>(() =>
        {
            while (reader.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().GetAwaiter().GetResult() > 0)
            {
            }
        });
        Assert.Contains("bytes in", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hub_that_is_not_there_is_an_error_that_names_the_way_out()
    {
        _hub.Server.Dispose();
        UserInputException e = Assert.Throws<UserInputException>(() => Resolve());
        Assert.Contains("cannot be reached", e.Message, StringComparison.Ordinal);
        Assert.Contains("HF_HUB_OFFLINE=1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Redirects_that_do_not_end_or_leave_http_are_errors()
    {
        _hub.Intercept = r => FakeResponse.Text(307).With("Location", r.Target);
        Assert.Contains("redirects more than", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
        _hub.Intercept = _ => FakeResponse.Text(302).With("Location", "file:///etc/passwd");
        Assert.Contains("not safe", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_renamed_repository_is_followed()
    {
        _hub.Intercept = r => r.Target.Contains("org/was", StringComparison.Ordinal)
            ? FakeResponse.Text(307).With("Location", r.Target.Replace("org/was", "org/tiny", StringComparison.Ordinal)) : null;
        string folder = ModelResolver.Resolve(new HubRepo(HubRepoKind.Model, "org/was"), ModelParts.All, Settings with { Token = "t" });
        CheckWeights(folder);
        Assert.Contains("models--org--was", folder, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_clients_at_once_fetch_every_file_once()
    {
        string[] folders = [.. Enumerable.Range(0, 6).AsParallel().WithDegreeOfParallelism(6).Select(_ => Resolve())];
        Assert.Single(folders.Distinct());
        CheckWeights(folders[0]);
        Assert.Single(_hub.Storage.Requests);

        // Two of the four files have the same content.
        Assert.Equal(3, _hub.Downloads);
    }

    [Fact]
    public void Too_little_room_is_told_before_anything_is_fetched()
    {
        UserInputException e = Assert.Throws<UserInputException>(() => Resolve(Settings with { FreeSpace = _ => 1000 }));
        Assert.Contains("has room for 1000", e.Message, StringComparison.Ordinal);
        Assert.Contains("HF_HUB_CACHE", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, _hub.Downloads);
    }

    [Fact]
    public void A_disk_that_fills_up_is_a_named_error()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs /dev/full");
        Directory.CreateDirectory(Blobs);
        File.CreateSymbolicLink(WeightsBlob + ".incomplete", "/dev/full");
        Assert.Contains("no space left", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, "", "is private, gated or does not exist")]
    [InlineData(401, "RepoNotFound", "no such model")]
    [InlineData(401, "GatedRepo", "is gated")]
    [InlineData(403, "GatedRepo", "is gated")]
    [InlineData(403, "", "access is refused")]
    [InlineData(404, "RepoNotFound", "no such model")]
    [InlineData(404, "RevisionNotFound", "has no revision 'main'")]
    [InlineData(418, "", "answers 418")]
    public void A_refusal_says_what_to_do(int status, string code, string expected)
    {
        _hub.Intercept = _ => FakeResponse.Text(status).With("X-Error-Code", code);
        UserInputException e = Assert.Throws<UserInputException>(() => Resolve());
        Assert.StartsWith("org/tiny", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Single(_hub.Server.Requests);
    }

    [Fact]
    public void A_gated_file_says_how_to_get_access()
    {
        _hub.Intercept = r =>
            r.Path.Contains("/resolve/", StringComparison.Ordinal) ? FakeResponse.Text(403).With("X-Error-Code", "GatedRepo") : null;
        UserInputException e = Assert.Throws<UserInputException>(() => Resolve());
        Assert.Contains("Accept its terms at http://127.0.0.1", e.Message, StringComparison.Ordinal);
        Assert.Contains("HF_TOKEN", e.Message, StringComparison.Ordinal);
    }

    private HubSettings Settings => _hub.Settings(_cache.Path);

    private string Resolve(HubSettings? settings = null) =>
        ModelResolver.Resolve(new HubRepo(HubRepoKind.Model, "org/tiny"), ModelParts.All, settings ?? Settings);

    private bool Once() => Interlocked.Increment(ref _count) == 1;

    private void CheckWeights(string folder) => Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));

    private sealed class TricklingStream : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(5, CancellationToken.None);
            buffer.Span[0] = 1;
            return 1;
        }
    }
}
