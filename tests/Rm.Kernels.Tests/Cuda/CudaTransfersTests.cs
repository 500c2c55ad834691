using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Cuda;

[Collection(CudaCollection.Name)]
public sealed class CudaTransfersTests : IDisposable
{
    private readonly CudaDevice _device = CudaTest.OpenDevice();
    private readonly CudaStream _stream;
    private readonly CudaTransfers _transfers;

    public CudaTransfersTests()
    {
        _stream = new CudaStream(_device);
        _transfers = new CudaTransfers(_stream);
    }

    public void Dispose()
    {
        _transfers.Dispose();
        _stream.Dispose();
        _device.Dispose();
    }

    // 8 MiB is the size of one pinned buffer: below, at, above, and many of them.
    [Theory]
    [InlineData(1)]
    [InlineData(8 << 20)]
    [InlineData((8 << 20) + 1)]
    [InlineData((40 << 20) + 3)]
    public void Bytes_come_back_as_they_were_sent(int bytes)
    {
        using CudaStorage storage = new(_device, bytes + 256);
        Tensor tensor = new(storage, 128, DType.BF16, new Shape(bytes / 2));
        byte[] sent = new byte[bytes / 2 * 2];
        new Random(bytes).NextBytes(sent);
        _transfers.Upload<byte>(sent, tensor);
        byte[] got = new byte[sent.Length];
        _transfers.Download<byte>(tensor, got);
        Assert.Equal(sent.Length, sent.AsSpan().CommonPrefixLength(got));
    }

    [Fact]
    public void The_source_may_change_as_soon_as_an_upload_returns()
    {
        using CudaStorage storage = new(_device, 8 * 4096);
        int[] values = new int[1024];
        for (int i = 0; i < 8; i++)
        {
            Array.Fill(values, i);
            _transfers.Upload<int>(values, new Tensor(storage, i * 4096, DType.I32, new Shape(1024)));
        }

        Array.Fill(values, -1);
        int[] got = new int[8 * 1024];
        _transfers.Download<int>(new Tensor(storage, 0, DType.I32, new Shape(8 * 1024)), got);
        Assert.Equal(Enumerable.Range(0, 8 * 1024).Select(static i => i / 1024), got);
    }

    [Fact]
    public void Sizes_that_differ_and_tensors_with_gaps_are_refused()
    {
        using CudaStorage storage = new(_device, 1024);
        Tensor tensor = new(storage, 0, DType.F32, new Shape(4, 8), rowStride: 16);
        Assert.Throws<ArgumentException>(() => _transfers.Upload<float>(new float[32], tensor));
        Assert.Throws<ArgumentException>(() => _transfers.Download<float>(new Tensor(storage, 0, DType.F32, new Shape(8)), new float[7]));
    }
}
