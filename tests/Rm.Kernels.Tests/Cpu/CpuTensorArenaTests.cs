using Rm.Kernels.Cpu;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Cpu;

public sealed class CpuTensorArenaTests
{
    [Fact]
    public void Tensors_are_aligned_and_do_not_overlap()
    {
        using var backend = new CpuBackend(1);
        using TensorArena arena = backend.CreateArena();
        var random = new Random(1);
        var taken = new List<(nint Start, nint End)>();
        for (int i = 0; i < 200; i++)
        {
            Tensor tensor = arena.Allocate(DType.F32, new Shape(random.Next(0, 500), random.Next(0, 300)));
            Assert.Equal(0, tensor.Address % TensorArena.Alignment);
            nint end = tensor.Address + (nint)(tensor.Shape.Count * sizeof(float));
            Assert.DoesNotContain(taken, other => tensor.Address < other.End && other.Start < end);
            taken.Add((tensor.Address, end));
            backend.Fill(tensor, 1);
        }
    }

    [Fact]
    public void Release_gives_memory_back_and_a_second_pass_allocates_nothing()
    {
        using var backend = new CpuBackend(1);
        using TensorArena arena = backend.CreateArena();
        long empty = arena.Mark;
        Tensor kept = arena.Allocate(DType.F32, new Shape(100));
        long mark = arena.Mark;
        Pass();
        long allocated = backend.AllocatedBytes;
        long peak = arena.PeakBytes;
        for (int i = 0; i < 5; i++)
        {
            arena.Release(mark);
            Assert.Equal(mark, arena.Mark);
            Pass();
        }

        Assert.Equal(allocated, backend.AllocatedBytes);
        Assert.Equal(peak, arena.PeakBytes);
        arena.Release(empty);
        Assert.Equal(kept.Address, arena.Allocate(DType.F32, new Shape(100)).Address);
        Assert.Throws<ArgumentOutOfRangeException>(() => arena.Release(arena.Mark + 1));

        void Pass()
        {
            for (int i = 1; i < 12; i++)
            {
                arena.Allocate(DType.F32, new Shape(i * 1000, 333));
            }
        }
    }

    [Fact]
    public void Everything_is_freed()
    {
        var backend = new CpuBackend(1);
        TensorArena arena = backend.CreateArena();
        arena.Allocate(DType.F32, new Shape(5000, 1000));
        Assert.InRange(backend.AllocatedBytes, 20_000_000, long.MaxValue);
        arena.Dispose();
        Assert.Equal(0, backend.AllocatedBytes);
        Assert.InRange(backend.PeakAllocatedBytes, 20_000_000, long.MaxValue);
        Tensor persistent = backend.AllocatePersistent(DType.F32, new Shape(1000));
        Assert.Equal(4000, backend.AllocatedBytes);
        backend.Dispose();
        Assert.Equal(0, backend.AllocatedBytes);
        Assert.Throws<ObjectDisposedException>(() => persistent.Address);
    }

    [Theory]
    [InlineData(int.MaxValue, 100_000)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public void Memory_that_the_system_has_not_is_refused_with_its_size(int rows, int columns)
    {
        using var backend = new CpuBackend(1);
        using TensorArena arena = backend.CreateArena();
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(
            () => arena.Allocate(DType.F32, new Shape(rows, columns)));
        Assert.Contains("bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Persistent_memory_is_zero_and_round_trips()
    {
        using var backend = new CpuBackend(1);
        Tensor tensor = backend.AllocatePersistent(DType.F32, new Shape(3, 7));
        float[] values = new float[21];
        backend.Download(tensor, values.AsSpan());
        Assert.All(values, value => Assert.Equal(0, value));
        float[] sent = [.. Enumerable.Range(0, 21).Select(i => (float)i)];
        backend.Upload<float>(sent, tensor);
        backend.Download(tensor, values.AsSpan());
        Assert.Equal(sent, values);
        Assert.Throws<ArgumentException>(() => backend.Upload<float>(new float[20], tensor));
        Assert.Throws<ArgumentException>(() => backend.Upload<int>(new int[21], tensor));
        Assert.Throws<ArgumentException>(() => backend.Download(tensor.SliceColumns(0, 3), new float[9].AsSpan()));
    }
}
