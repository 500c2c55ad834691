using Rm.Formats;
using Rm.Formats.Files;

namespace Rm.Host.Tests.Checkpoints;

/// <summary>The same on the real disk, where the simulation cannot tell.</summary>
public sealed class DurableDirectoryTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_is_made_with_its_parents_and_then_replaced()
    {
        string target = _folder["run/best"];
        Save(target, 1);
        Assert.Equal([1], File.ReadAllBytes(Path.Combine(target, "a")));
        Save(target + Path.DirectorySeparatorChar, 2);
        Assert.Equal([2], File.ReadAllBytes(Path.Combine(target, "a")));
        Assert.Equal([target], Directory.EnumerateFileSystemEntries(_folder["run"]));
    }

    [Fact]
    public void The_exchange_of_two_names_works_on_this_file_system_or_says_that_it_does_not()
    {
        Directory.CreateDirectory(_folder["a/1"]);
        Directory.CreateDirectory(_folder["b/2"]);
        bool exchanged = DiskFileLayer.Instance.TryExchangeDirectories(_folder["a"], _folder["b"]);
        Assert.Equal(exchanged, Directory.Exists(_folder["a/2"]));
        Assert.NotEqual(exchanged, Directory.Exists(_folder["a/1"]));
        Assert.False(DiskFileLayer.Instance.TryExchangeDirectories(_folder["a"], _folder["absent"]));
    }

    [Fact]
    public void What_is_not_committed_leaves_nothing()
    {
        using (var save = DurableDirectory.Begin(_folder["best"]))
        {
            save.Write("a", new byte[] { 1 });
            Assert.Equal([1], File.ReadAllBytes(Path.Combine(save.TemporaryPath, "a")));
            Assert.Throws<UserInputException>(() => save.Write("b", _ => throw new UserInputException("from the writer")));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a/b/c")]
    [InlineData("/a")]
    [InlineData("a/..")]
    [InlineData("a\\b")]
    public void A_file_name_is_not_a_path(string name)
    {
        using var save = DurableDirectory.Begin(_folder["best"]);
        Assert.Throws<ArgumentException>(() => save.Write(name, new byte[1]));
    }

    [Fact]
    public void A_file_may_lie_one_folder_deep_and_is_checked_there()
    {
        using (var save = DurableDirectory.Begin(_folder["best"]))
        {
            save.Write("templates/a.jinja", "a"u8.ToArray());
            save.Write("templates/b.jinja", "b"u8.ToArray());
            save.WriteChecksums();
            save.Commit();
        }

        Assert.Equal("b", File.ReadAllText(_folder["best/templates/b.jinja"]));
        ChecksumFile.Verify(_folder["best"]);
        _folder.Write("best/templates/b.jinja", "c");
        Assert.Contains(
            "b.jinja", Assert.Throws<UserInputException>(() => ChecksumFile.Verify(_folder["best"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_that_cannot_be_made_is_a_named_error()
    {
        _folder.Write("file", "x");
        SaveFailedException error = Assert.Throws<SaveFailedException>(() => DurableDirectory.Begin(_folder["file/best"]));
        Assert.Contains(_folder["file/best"], error.Message, StringComparison.Ordinal);
        Assert.Throws<UserInputException>(() => DurableDirectory.Begin(Path.GetPathRoot(_folder.Path)!));
        Assert.Throws<IOException>(() => DiskFileLayer.Instance.FlushDirectory(_folder["absent"]));
    }

    [Fact]
    public void Only_what_dead_processes_left_is_removed()
    {
        string host = SaveOwner.Current.Host;
        string[] stale = [$".tmp-step-10-{host}-77", $".old-step-10-{host}-77", SaveOwner.Current.TemporaryName("best")];
        string[] kept = [$".tmp-step-10-{host}-78", ".tmp-step-10-elsewhere-77", ".tmp-notours", ".tmp-x-y-z", "step-10"];
        foreach (string? name in stale.Concat(kept))
        {
            Directory.CreateDirectory(_folder[name]);
            _folder.Write(Path.Combine(name, "file"), "x");
        }

        Assert.Equal(stale.Order(), DurableDirectory.CleanStale(_folder.Path, false, DiskFileLayer.Instance, pid => pid == 78).Order());
        Assert.Equal(kept.Order(), Directory.EnumerateDirectories(_folder.Path).Select(Path.GetFileName).Order());
        Assert.Equal([".tmp-step-10-elsewhere-77"], DurableDirectory.CleanStale(_folder.Path, true, DiskFileLayer.Instance, _ => true));
        Assert.Empty(DurableDirectory.CleanStale(_folder["absent"]));
    }

    [Fact]
    public void A_folder_that_was_moved_aside_is_found_and_put_back()
    {
        string aside = $".old-best-{SaveOwner.Current.Host}-77";
        Directory.CreateDirectory(_folder[aside]);
        _folder.Write(Path.Combine(aside, "a"), [7]);
        Assert.Equal(_folder[aside], DurableDirectory.Resolve(_folder["best"]));
        DurableDirectory.CleanStale(_folder.Path, false, DiskFileLayer.Instance, _ => false);
        Assert.Equal([7], File.ReadAllBytes(_folder["best/a"]));
        Assert.Equal(_folder["best"], DurableDirectory.Resolve(_folder["best"]));
        Assert.Equal(_folder["other"], DurableDirectory.Resolve(_folder["other"]));
    }

    [Fact]
    public void This_process_is_alive_and_an_impossible_one_is_not()
    {
        Assert.True(SaveOwner.IsAlive(Environment.ProcessId));
        Assert.False(SaveOwner.IsAlive(int.MaxValue));
    }

    [Fact]
    public void The_system_s_error_of_a_full_disk_is_recognised()
    {
        if (!File.Exists("/dev/full"))
        {
            Assert.Skip("there is no /dev/full");
        }

        IOException error = Assert.Throws<IOException>(() =>
        {
            using var stream = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            stream.Write([1]);
        });
        Assert.True(SaveFailedException.IsDiskFull(error), $"HResult 0x{error.HResult:x}: {error.Message}");
    }

    private static void Save(string target, byte value)
    {
        using var save = DurableDirectory.Begin(target);
        save.Write("a", new[] { value });
        save.Commit();
    }
}
