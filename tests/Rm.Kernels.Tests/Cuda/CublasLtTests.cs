using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// The optional cuBLASLt: how its absence is told, how row-major products map to it, and the products themselves on a GPU.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class CublasLtTests
{
    [Fact]
    public void A_missing_library_is_reported_and_not_thrown()
    {
        Assert.SkipWhen(CublasLt.IsAvailable, "cuBLASLt is installed here");
        Assert.Null(CublasLt.Version);
        CudaReport report = CudaProbe.Run();
        Assert.Null(report.CublasLtLibrary);
        Assert.Null(report.CublasLtVersion);
    }

    [Fact]
    public void A_file_that_is_no_library_is_reported_and_not_thrown()
    {
        using ScratchFolder folder = new();
        Directory.CreateDirectory(folder.Path);
        string file = Path.Combine(folder.Path, "libcublasLt.so.12");
        File.WriteAllText(file, "not a library");
        string? before = Environment.GetEnvironmentVariable(CudaLibraries.CublasLtVariable);
        try
        {
            Environment.SetEnvironmentVariable(CudaLibraries.CublasLtVariable, file);
            Assert.Equal([file], CudaLibraries.Candidates(CudaLibraries.CublasLt));

            // Not through CublasLt.IsAvailable: the process keeps its first answer, which may be older than this test.
            Assert.Null(CudaLibraries.TryCandidates(CudaLibraries.CublasLt).Path);
        }
        finally
        {
            Environment.SetEnvironmentVariable(CudaLibraries.CublasLtVariable, before);
        }
    }

    [Fact]
    public void Opening_a_missing_library_says_what_to_install()
    {
        Assert.SkipWhen(CublasLt.IsAvailable, "cuBLASLt is installed here");
        CudaTest.OpenDevice().Dispose();
        using CudaSession session = new(0);
        Assert.Contains(CudaLibraries.CublasLtVariable, Assert.Throws<InvalidOperationException>(() => new CublasLt(session)).Message);
    }

    [Fact]
    public void A_failure_names_call_status_and_shape()
    {
        CublasException failure = Assert.Throws<CublasException>(
            () => CublasException.Check(CublasStatus.NotSupported, "cublasLtMatmul", "4 x 8"));
        Assert.Equal(("cublasLtMatmul", CublasStatus.NotSupported), (failure.Call, failure.Status));
        Assert.Equal("cublasLtMatmul failed with NotSupported (15). 4 x 8", failure.Message);
    }

    [Fact]
    public unsafe void The_structures_have_the_sizes_of_the_header()
    {
        Assert.Equal(64, sizeof(NativeCublasLtAlgorithm));
        Assert.Equal(96, sizeof(NativeCublasLtHeuristic));
    }

    [Fact]
    public void The_weight_is_operand_A_and_only_the_forward_product_transposes_it()
    {
        Assert.Equal(
            new CublasLtProduct(true, new CublasLtMatrix(5, 3, 7), new CublasLtMatrix(5, 2, 6), new CublasLtMatrix(3, 2, 4)),
            CublasLtProduct.Forward(m: 2, n: 3, k: 5, xStride: 6, wStride: 7, yStride: 4));
        Assert.Equal(
            new CublasLtProduct(false, new CublasLtMatrix(5, 3, 7), new CublasLtMatrix(3, 2, 4), new CublasLtMatrix(5, 2, 6)),
            CublasLtProduct.InputGradient(m: 2, n: 3, k: 5, dyStride: 4, wStride: 7, dxStride: 6));
    }

    // The mapping is carried out as the library's documentation defines the product, and compared with the row-major one.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_mapped_column_major_product_is_the_row_major_one(bool forward)
    {
        const int M = 2, N = 3, K = 5, Gap = 2;
        (int inputs, int outputs) = forward ? (K, N) : (N, K);
        double[] x = Values(M * (inputs + Gap), 1), w = Values(N * (K + Gap), 2), y = new double[M * (outputs + Gap)];
        CublasLtProduct product = forward
            ? CublasLtProduct.Forward(M, N, K, inputs + Gap, K + Gap, outputs + Gap)
            : CublasLtProduct.InputGradient(M, N, K, inputs + Gap, K + Gap, outputs + Gap);
        for (int row = 0; row < product.D.Rows; row++)
        {
            for (int column = 0; column < product.D.Columns; column++)
            {
                double sum = 0;
                for (int i = 0; i < product.B.Rows; i++)
                {
                    long a = product.TransposeA ? i + (row * product.A.Leading) : row + (i * product.A.Leading);
                    sum += w[a] * x[i + (column * product.B.Leading)];
                }

                y[row + (column * product.D.Leading)] = sum;
            }
        }

        for (int m = 0; m < M; m++)
        {
            for (int j = 0; j < outputs; j++)
            {
                double sum = Enumerable.Range(0, inputs).Sum(
                    i => x[(m * (inputs + Gap)) + i] * (forward ? w[(j * (K + Gap)) + i] : w[(i * (K + Gap)) + j]));
                Assert.Equal(sum, y[(m * (outputs + Gap)) + j]);
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void On_a_gpu_the_products_are_right_and_repeat_bit_for_bit(bool forward)
    {
        Assert.SkipUnless(CublasLt.IsAvailable, $"needs cuBLASLt: install it or set {CudaLibraries.CublasLtVariable}");
        CudaTest.OpenDevice().Dispose();
        const int M = 33, N = 136, K = 72;
        (int inputs, int outputs) = forward ? (K, N) : (N, K);
        double[] x = Values(M * inputs, 1), w = Values(N * K, 2);
        using CudaSession session = new(0);
        using CublasLt library = new(session);
        using CudaStorage memory = new(session.Device, 2 * ((M * inputs) + (N * K) + (M * outputs)));
        Tensor xView = new(memory, 0, DType.BF16, new Shape(M, inputs));
        Tensor wView = new(memory, 2 * M * inputs, DType.BF16, new Shape(N, K));
        Tensor yView = new(memory, 2 * ((M * inputs) + (N * K)), DType.BF16, new Shape(M, outputs));
        session.Transfers.Upload<ushort>(Bits(x), xView);
        session.Transfers.Upload<ushort>(Bits(w), wView);
        ushort[] first = new ushort[M * outputs], second = new ushort[M * outputs];
        library.Multiply(xView, wView, transposeWeight: forward, addend: null, yView);
        session.Transfers.Download<ushort>(yView, first);
        library.Multiply(xView, wView, transposeWeight: forward, addend: null, yView);
        session.Transfers.Download<ushort>(yView, second);
        Assert.Equal(first, second);
        double[] expected = [.. Enumerable.Range(0, M * outputs).Select(at => Enumerable.Range(0, inputs).Sum(
            i => x[(at / outputs * inputs) + i] * (forward ? w[(at % outputs * K) + i] : w[(i * K) + (at % outputs)])))];

        // The values are small whole numbers, so that sums are exact in float32 and only the result is rounded.
        Assert.Equal(Bits(expected), first);
    }

    private static double[] Values(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (double)random.Next(-8, 9))];
    }

    private static ushort[] Bits(double[] values)
    {
        ushort[] bits = new ushort[values.Length];
        BFloat16s.Round(Array.ConvertAll(values, static value => (float)value), bits);
        return bits;
    }
}
