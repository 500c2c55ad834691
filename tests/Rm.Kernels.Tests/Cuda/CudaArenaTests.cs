using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Cuda;

[Collection(CudaCollection.Name)]
public sealed class CudaArenaTests : IDisposable
{
    private const long Block = 64 << 10;

    private readonly CudaDevice _device = CudaTest.OpenDevice();

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData(Block)]
    [InlineData(0)]
    public void Random_stacks_of_tensors_never_overlap_and_stay_within_their_storage(long blockBytes)
    {
        const int Seed = 7;
        Random random = new(Seed);
        using CudaArena arena = new(_device, blockBytes);
        Stack<(long Mark, Tensor Tensor)> live = new();
        for (int i = 0; i < 2000; i++)
        {
            if (live.Count != 0 && random.Next(3) == 0)
            {
                int keep = random.Next(live.Count);
                long mark = 0;
                while (live.Count > keep)
                {
                    mark = live.Pop().Mark;
                }

                arena.Release(mark);
                continue;
            }

            long before = arena.Mark;
            int length = random.Next(10) == 0 ? random.Next(100_000) : random.Next(2_000);
            Tensor tensor = arena.Allocate(random.Next(2) == 0 ? DType.F32 : DType.BF16, new Shape(length));
            Assert.True(arena.Mark > before, $"the mark did not move, step {i}, seed {Seed}");
            Assert.Equal(0, tensor.ByteOffset % TensorArena.Alignment);
            Assert.Equal(0, tensor.Address % TensorArena.Alignment);
            foreach ((_, Tensor other) in live)
            {
                Assert.True(
                    End(tensor) <= other.Address || End(other) <= tensor.Address, $"two tensors overlap, step {i}, seed {Seed}");
            }

            live.Push((before, tensor));
        }
    }

    [Fact]
    public void Memory_is_kept_and_used_again_after_a_release()
    {
        using CudaArena arena = new(_device, Block);
        long start = arena.Mark;
        arena.Allocate(DType.F32, new Shape(100, 100));
        arena.Allocate(DType.F32, new Shape(100, 100));
        long reserved = arena.ReservedBytes;
        long peak = arena.PeakBytes;
        for (int i = 0; i < 10; i++)
        {
            arena.Release(start);
            arena.Allocate(DType.F32, new Shape(100, 100));
            arena.Allocate(DType.F32, new Shape(100, 100));
        }

        Assert.Equal((reserved, peak), (arena.ReservedBytes, arena.PeakBytes));
        Assert.InRange(peak, 80_000, 80_000 + (2 * TensorArena.Alignment));
    }

    [Fact]
    public void An_arena_survives_running_out_of_memory_and_gives_everything_back()
    {
        long before = _device.FreeMemory;
        using (CudaArena arena = new(_device, Block))
        {
            long start = arena.Mark;
            arena.Allocate(DType.F32, new Shape(10));
            long mark = arena.Mark;
            Assert.Throws<CudaException>(() => arena.Allocate(DType.F32, new Shape(1 << 30, 1 << 18)));
            arena.Release(mark);
            arena.Allocate(DType.F32, new Shape(10));
            arena.Release(start);
        }

        Assert.Equal(before, _device.FreeMemory);
    }

    // A plan is counted by an arena without memory: it must count as the others do.
    [Theory]
    [InlineData(Block)]
    [InlineData(0)]
    public void Every_arena_counts_alike(long blockBytes)
    {
        const int Seed = 11;
        Random random = new(Seed);
        using CudaArena arena = new(_device, blockBytes);
        using CpuBackend cpu = new(1);
        using TensorArena onCpu = cpu.CreateArena();
        using CountingArena counting = new();
        TensorArena[] all = [arena, onCpu, counting];
        onCpu.Reserve(64 << 20);
        Stack<long[]> marks = new();
        for (int i = 0; i < 500; i++)
        {
            if (marks.Count != 0 && random.Next(3) == 0)
            {
                long[] mark = marks.Pop();
                Array.ForEach([0, 1, 2], a => all[a].Release(mark[a]));
            }
            else
            {
                marks.Push([.. all.Select(static a => a.Mark)]);
                Shape shape = new(random.Next(40), random.Next(40));
                Array.ForEach(all, a => a.Allocate(DType.F32, shape));
            }

            Assert.All(all, a => Assert.Equal((counting.UsedBytes, counting.PeakBytes), (a.UsedBytes, a.PeakBytes)));
        }
    }

    [Fact]
    public void What_was_reserved_is_one_block_without_gaps_and_trimming_gives_it_back()
    {
        long before = _device.FreeMemory;
        using CudaArena arena = new(_device, Block);
        arena.Reserve(10 * Block);
        Assert.Equal(10 * Block, before - _device.FreeMemory);
        Tensor[] tensors = [.. Enumerable.Range(0, 10).Select(_ => arena.Allocate(DType.F32, new Shape((int)Block / 4)))];
        Assert.Single(tensors.Select(static t => t.Storage).Distinct());
        Assert.Equal(10 * Block, arena.ReservedBytes);

        // More than was planned is still given, and only that goes back while the rest is in use.
        long mark = arena.Mark;
        arena.Allocate(DType.F32, new Shape(10));
        arena.Release(mark);
        arena.Trim();
        Assert.Equal(10 * Block, arena.ReservedBytes);
        arena.Release(0);
        arena.Trim();
        Assert.Equal(before, _device.FreeMemory);
        arena.Allocate(DType.F32, new Shape(10));
    }

    [Fact]
    public void A_mark_above_the_present_one_is_refused()
    {
        using CudaArena arena = new(_device, Block);
        Assert.Throws<ArgumentOutOfRangeException>(() => arena.Release(256));
        Assert.Throws<ArgumentOutOfRangeException>(() => arena.Release(-1));
    }

    private static nint End(Tensor tensor) => tensor.Address + (nint)(tensor.Shape.Count * tensor.DType.Size());
}
