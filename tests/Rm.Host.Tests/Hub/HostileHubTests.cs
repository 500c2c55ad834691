using System.Text;
using Rm.Formats;
using Rm.Formats.Hub;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.Hub;

/// <summary>Servers that want out of the cache, or the client down.</summary>
public sealed class HostileHubTests : IDisposable
{
    private readonly FakeHub _hub = new();
    private readonly ScratchFolder _folder = new();
    private readonly HubRepo _tiny = new(HubRepoKind.Model, "org/tiny");

    private string Cache => Path.Combine(_folder.Path, "a", "b", "cache");

    public void Dispose()
    {
        _hub.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("../config.json")]
    [InlineData("x/../../../../evil.json")]
    [InlineData("/etc/evil.json")]
    [InlineData("C:/evil.json")]
    [InlineData("x\\..\\evil.json")]
    [InlineData("evil\0.json")]
    [InlineData("evil\n.json")]
    [InlineData("./config.json")]
    [InlineData("a//b.json")]
    [InlineData("a/")]
    [InlineData("")]
    [InlineData("config.json/x.json")]
    public void A_name_that_leads_elsewhere_is_a_named_error(string name)
    {
        foreach (bool hasNoTree in new[] { false, true })
        {
            FakeRepo repo = _hub.Add("models/org/tiny").AsModel();
            repo.FalseNames.Add(name);
            repo.HasNoTree = hasNoTree;
            UserInputException e = Assert.Throws<UserInputException>(() => Resolve());
            Assert.StartsWith("org/tiny: lists", e.Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(_folder.Path + "/a"));
        }
    }

    [Theory]
    [InlineData("\"../../evil\"")]
    [InlineData("\"/etc/evil\"")]
    [InlineData("\"..\"")]
    [InlineData("\"a\\b\"")]
    [InlineData("\"\"")]
    [InlineData("W/\"a/b\"")]
    public void An_etag_that_is_no_file_name_is_a_named_error(string etag)
    {
        _hub.Add("models/org/tiny").AsModel();
        _hub.Intercept = r => r.Method == "HEAD" ? FakeResponse.Text(200, "x").With("ETag", etag) : null;
        Assert.Contains("ETag", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
        Assert.Equal(["cache"], Directory.Exists(Cache)
            ? Directory.GetFileSystemEntries(Path.GetDirectoryName(Cache)!).Select(Path.GetFileName) : ["cache"]);
    }

    [Theory]
    [InlineData("../../x")]
    [InlineData("")]
    [InlineData("main")]
    public void A_commit_that_is_none_is_a_named_error(string commit)
    {
        _hub.Intercept = _ => FakeResponse.Text(200, $$"""{"sha": "{{commit}}", "siblings": []}""");
        Assert.Contains("commit", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_that_points_elsewhere_is_a_named_error()
    {
        FakeRepo repo = _hub.Add("models/org/tiny").AsModel().With("model.safetensors.index.json", """{"weight_map": {"a": "../../../../secret.safetensors"}}""");
        repo.Files.Remove("model.safetensors");
        Assert.Contains("leads out", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_that_cannot_be_are_errors()
    {
        _hub.Add("models/org/tiny").AsModel();
        _hub.Intercept = r =>
            r.Method == "HEAD" ? FakeResponse.Text(200).With("ETag", "\"abc\"").With("X-Linked-Size", "9223372036854775807") : null;
        Assert.Contains("which cannot be", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tree_without_end_ends()
    {
        _hub.Add("models/org/tiny").AsModel();
        _hub.Intercept = r => r.Path.Contains("/tree/", StringComparison.Ordinal)
            ? FakeResponse.Text(200, "[]").With("Link", $"<{r.Target}>; rel=\"next\"") : null;
        Assert.Contains("does not end", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("[]")]
    [InlineData("{\"sha\": 5}")]
    [InlineData("{\"sha\": \"\\ud800\"}")]
    [InlineData("null")]
    public void An_answer_that_is_no_hubs_is_a_named_error(string answer)
    {
        _hub.Intercept = _ => FakeResponse.Text(200, answer);
        Assert.StartsWith("org/tiny", Assert.Throws<UserInputException>(() => Resolve()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutated_answers_end_in_a_model_or_a_named_error_and_stay_in_the_cache()
    {
        int seed = FuzzSettings.FirstSeed(1), iterations = FuzzSettings.Iterations(150, cost: 40);
        _hub.Add("models/org/tiny").AsModel(weightBytes: 2000);
        HubSettings settings = _hub.Settings(Cache) with { Attempts = 2, Timeout = TimeSpan.FromSeconds(10) };
        for (int i = 0; i < iterations; i++)
        {
            var random = new Random(seed + i);
            int which = random.Next(8), count = -1;
            Directory.CreateDirectory(Cache);
            _hub.Intercept = r =>
            {
                if (Interlocked.Increment(ref count) != which)
                {
                    return null;
                }

                return Mutate(random, r);
            };
            try
            {
                Resolve(settings);
            }
            catch (UserInputException)
            {
                // What is expected of a hostile server.
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed + i}, request {which}", e);
            }

            string[] there = [.. Directory.GetFileSystemEntries(_folder.Path)
                .Concat(Directory.GetFileSystemEntries(Path.GetDirectoryName(Cache)!)).Select(f => Path.GetFileName(f))];
            Assert.True(there is ["a", "cache"], $"seed {seed + i}: {string.Join(", ", there)}");
            Directory.Delete(Path.Combine(_folder.Path, "a"), recursive: true);
        }
    }

    private static FakeResponse Mutate(Random random, FakeRequest request)
    {
        string[] names = ["ETag", "X-Linked-Etag", "X-Linked-Size", "Location", "Content-Range", "Link", "Retry-After", "Content-Encoding"];
        string[] values = ["", "\"..\"", "-1", "99999999999999999999", "/..", "http://[", "bytes 5-4/3", "<x>; rel=\"next\"", "gzip",
            "\"abc\"", "0", "//127.0.0.1:1/"];
        byte[] body = Encoding.UTF8.GetBytes(request.Path.Contains("/api/", StringComparison.Ordinal)
            ? """{"sha":"0123456789012345678901234567890123456789","siblings":[{"rfilename":"config.json"},{"rfilename":"model.safetensors"}]}"""
            : "some content");
        for (int n = random.Next(6); n > 0; n--)
        {
            body[random.Next(body.Length)] = (byte)random.Next(256);
        }

        int[] statuses = [200, 200, 200, 206, 302, 304, 307, 400, 404, 416, 451, 599];
        var response = new FakeResponse(statuses[random.Next(statuses.Length)], body[..random.Next(body.Length + 1)])
        {
            BreakAfter = random.Next(4) == 0 ? random.Next(20) : null,
        };
        for (int n = random.Next(4); n > 0; n--)
        {
            response.With(names[random.Next(names.Length)], values[random.Next(values.Length)]);
        }

        return response;
    }

    private string Resolve(HubSettings? settings = null) => ModelResolver.Resolve(_tiny, ModelParts.All, settings ?? _hub.Settings(Cache));
}
