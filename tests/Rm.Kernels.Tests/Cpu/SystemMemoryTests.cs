using Rm.Kernels.Cpu;

namespace Rm.Kernels.Tests.Cpu;

public sealed class SystemMemoryTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void This_machine_has_some() => Assert.InRange(SystemMemory.Free, 1 << 20, 1L << 50);

    [Fact]
    public void The_tightest_group_around_the_process_counts_and_cached_files_do_not()
    {
        Write("job/memory.max", "8000\n");
        Write("job/memory.current", "5000\n");
        Write("job/memory.stat", "anon 1000\ninactive_file 2500\n");
        Write("job/step/memory.max", "max\n");
        Write("job/step/memory.current", "4000\n");
        Assert.Equal(8000 - (5000 - 2500), SystemMemory.LeftToGroups(_scratch.Path, "0::/job/step\n"));
        Write("job/step/memory.max", "4100\n");
        Assert.Equal(100, SystemMemory.LeftToGroups(_scratch.Path, "0::/job/step\n"));
    }

    [Fact]
    public void The_first_version_of_control_groups_is_read_too()
    {
        Write("memory/slurm/memory.limit_in_bytes", "9000\n");
        Write("memory/slurm/memory.usage_in_bytes", "3000\n");
        Write("memory/slurm/memory.stat", "total_inactive_file 500\n");
        Assert.Equal(6500, SystemMemory.LeftToGroups(_scratch.Path, "5:cpu,cpuacct:/slurm\n4:memory:/slurm\n"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0::/")]
    [InlineData("0::/no/such/group")]
    [InlineData("nonsense\n::\n")]
    public void No_group_means_no_limit(string membership) =>
        Assert.Equal(long.MaxValue, SystemMemory.LeftToGroups(_scratch.Path, membership));

    private void Write(string path, string text)
    {
        string file = Path.Combine(_scratch.Path, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
