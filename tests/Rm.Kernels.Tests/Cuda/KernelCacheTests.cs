using Rm.Kernels.Cuda.Builds;

namespace Rm.Kernels.Tests.Cuda;

public sealed class KernelCacheTests : IDisposable
{
    private static readonly KernelCacheKey Key = new("source", "options");
    private static readonly byte[] Image = [.. Enumerable.Range(0, 300).Select(static i => (byte)(i * 7))];

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_entry_is_read_back_as_written()
    {
        KernelCache cache = new(Path.Combine(_folder.Path, "not", "there", "yet"));
        Assert.Null(cache.Read(Key));
        Assert.True(cache.Write(Key, Image));
        Assert.Equal(Image, cache.Read(Key));
        Assert.Null(cache.Read(new KernelCacheKey("source", "other options")));
        Assert.Equal(1, cache.Measure().Entries);
    }

    [Fact]
    public void Keys_depend_on_every_part_and_on_where_parts_end()
    {
        string[] keys =
        [
            new KernelCacheKey("ab", "c").ToString(), new KernelCacheKey("a", "bc").ToString(), new KernelCacheKey("abc").ToString(),
            new KernelCacheKey("c", "ab").ToString(), new KernelCacheKey("ab", "c", "").ToString(),
        ];
        Assert.Equal(keys.Length, keys.Distinct().Count());
    }

    [Fact]
    public void An_entry_cut_at_any_byte_is_missed_and_removed()
    {
        KernelCache cache = new(_folder.Path);
        cache.Write(Key, Image);
        string path = Assert.Single(Directory.GetFiles(_folder.Path));
        byte[] whole = File.ReadAllBytes(path);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Null(cache.Read(Key));
            Assert.False(File.Exists(path), $"cut at {length}");
        }
    }

    [Fact]
    public void An_entry_with_any_bit_flipped_is_missed_and_can_be_rebuilt()
    {
        KernelCache cache = new(_folder.Path);
        cache.Write(Key, Image);
        string path = Assert.Single(Directory.GetFiles(_folder.Path));
        byte[] whole = File.ReadAllBytes(path);
        for (int bit = 0; bit < whole.Length * 8; bit += 5)
        {
            byte[] damaged = [.. whole];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(path, damaged);
            Assert.Null(cache.Read(Key));
        }

        Assert.True(cache.Write(Key, Image));
        Assert.Equal(Image, cache.Read(Key));
    }

    [Fact]
    public void An_intact_entry_under_a_foreign_name_is_missed()
    {
        KernelCache cache = new(_folder.Path);
        cache.Write(Key, Image);
        KernelCacheKey other = new("something else");
        File.Move(Assert.Single(Directory.GetFiles(_folder.Path)), Path.Combine(_folder.Path, other + ".btrmk"));
        Assert.Null(cache.Read(other));
    }

    [Fact]
    public void An_entry_with_bytes_behind_its_end_is_missed()
    {
        KernelCache cache = new(_folder.Path);
        cache.Write(Key, Image);
        File.AppendAllText(Assert.Single(Directory.GetFiles(_folder.Path)), "x");
        Assert.Null(cache.Read(Key));
    }

    [Fact]
    public void The_least_recently_used_entries_go_when_the_folder_outgrows_its_bound()
    {
        KernelCache cache = new(_folder.Path, maxBytes: 2000);
        KernelCacheKey[] keys = [.. Enumerable.Range(0, 6).Select(static i => new KernelCacheKey($"{i}"))];
        for (int i = 0; i < 5; i++)
        {
            Assert.True(cache.Write(keys[i], Image));
            File.SetLastAccessTimeUtc(Path.Combine(_folder.Path, keys[i] + ".btrmk"), DateTime.UtcNow.AddMinutes(i - 30));
        }

        Assert.NotNull(cache.Read(keys[0]));
        Assert.True(cache.Write(keys[5], Image));
        Assert.True(cache.Measure().Bytes <= 2000);
        Assert.NotNull(cache.Read(keys[0]));
        Assert.NotNull(cache.Read(keys[5]));
        Assert.Null(cache.Read(keys[1]));
    }

    [Fact]
    public void An_image_larger_than_the_bound_is_not_stored()
    {
        KernelCache cache = new(_folder.Path, maxBytes: 100);
        Assert.False(cache.Write(Key, Image));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Files_that_a_killed_writer_left_go_after_an_hour()
    {
        KernelCache cache = new(_folder.Path);
        string old = Path.Combine(_folder.Path, "left.tmp");
        string young = Path.Combine(_folder.Path, "being-written.tmp");
        File.WriteAllText(old, "half");
        File.WriteAllText(young, "half");
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddHours(-2));
        cache.Write(Key, Image);
        Assert.False(File.Exists(old));
        Assert.True(File.Exists(young));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_only_means_no_cache()
    {
        string file = Path.Combine(_folder.Path, "file");
        File.WriteAllText(file, "in the way");
        KernelCache cache = new(Path.Combine(file, "kernels"));
        Assert.False(cache.IsWritable());
        Assert.False(cache.Write(Key, Image));
        Assert.Null(cache.Read(Key));
        Assert.Equal((0, 0L), cache.Measure());
    }
}
