using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// Products of bfloat16 matrices, summed in float32, by cuBLASLt where it is installed: an optional measure for our own kernels. Runs are
/// repeatable: the algorithm of a shape is the heuristic's first, chosen once; the workspace has one size; alignment is taken as 16 bytes
/// whatever an address has; and partial sums meet in the workspace, never in the output in the order in which blocks finish.
/// </summary>
internal sealed unsafe class CublasLt : IDisposable
{
    private const int WorkspaceBytes = 32 << 20;

    private readonly CudaSession _session;
    // Null in a dry run, whose products are only counted.
    private readonly CublasLtHandle? _handle;
    private readonly CudaStorage _workspace;
    private readonly Dictionary<(CublasLtProduct Product, int AddendStride), Plan> _plans = [];

    /// <summary>Opens the library on <paramref name="session"/>'s device; products go into its stream.</summary>
    /// <exception cref="InvalidOperationException">The library is not there.</exception>
    /// <exception cref="CublasException">The library refuses.</exception>
    public CublasLt(CudaSession session)
    {
        if (!IsAvailable)
        {
            throw new InvalidOperationException(
                $"No cuBLASLt: {string.Join(", ", CudaLibraries.Candidates(CudaLibraries.CublasLt))} could not be used. Install it (it is "
                    + $"part "
                + $"of the CUDA toolkit), or set {CudaLibraries.CublasLtVariable} to its path.");
        }

        _session = session;
        _handle = CudaDriver.IsDryRun ? null : CublasLtHandle.Create(session.Device.Context);
        try
        {
            _workspace = new CudaStorage(session.Device, WorkspaceBytes);
        }
        catch
        {
            _handle?.Dispose();
            throw;
        }
    }

    /// <summary>Whether a library was found that has the product.</summary>
    public static bool IsAvailable => CudaLibraries.HasExport(CudaLibraries.CublasLt, nameof(NativeCublasLt.cublasLtMatmul));

    /// <summary>Version of the library, or null without one.</summary>
    public static Version? Version
    {
        get
        {
            if (!IsAvailable)
            {
                return null;
            }

            int version = (int)NativeCublasLt.cublasLtGetVersion();
            return new Version(version / 10000, version / 100 % 100, version % 100);
        }
    }

    /// <summary>
    /// y = x W^T (+ addend), or x W (+ addend) with <paramref name="transposeWeight"/> false: the forward product and the gradient of its
    /// input.
    /// </summary>
    /// <param name="x"><c>[M, K]</c> (<c>[M, N]</c>), bfloat16; rows may be strided.</param>
    /// <param name="weight"><c>[N, K]</c>, bfloat16; rows may be strided.</param>
    /// <param name="transposeWeight">Whether the weight is transposed.</param>
    /// <param name="addend">Shape of y, bfloat16, or null; may be <paramref name="y"/>; rows may be strided.</param>
    /// <param name="y"><c>[M, N]</c> (<c>[M, K]</c>), bfloat16, =; rows may be strided.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment does not fit.</exception>
    /// <exception cref="CublasException">The library has no algorithm, or fails.</exception>
    public void Multiply(Tensor x, Tensor weight, bool transposeWeight, Tensor? addend, Tensor y)
    {
        (int m, int n, int k) = (x.Rows, weight.Rows, weight.Columns);
        int outputs = transposeWeight ? n : k;
        Tensor added = addend ?? y;
        Check(nameof(x), x, m, transposeWeight ? k : n);
        Check(nameof(weight), weight, n, k);
        Check(nameof(addend), added, m, outputs);
        Check(nameof(y), y, m, outputs);
        if (m == 0 || _handle is null)
        {
            return;
        }

        CublasLtProduct product = transposeWeight
            ? CublasLtProduct.Forward(m, n, k, x.RowStride, weight.RowStride, y.RowStride)
            : CublasLtProduct.InputGradient(m, n, k, x.RowStride, weight.RowStride, y.RowStride);
        _session.Device.Context.Activate();
        if (!_plans.TryGetValue((product, added.RowStride), out Plan? plan))
        {
            plan = new Plan(_handle.Value, product, added.RowStride);
            _plans.Add((product, added.RowStride), plan);
        }

        float alpha = 1, beta = addend is null ? 0 : 1;
        fixed (NativeCublasLtAlgorithm* algorithm = &plan.Algorithm)
        {
            CublasException.Check(
                NativeCublasLt.cublasLtMatmul(
                    _handle.Value, plan.Product.Value, &alpha, weight.Address, plan.A.Value, x.Address, plan.B.Value, &beta,
                    added.Address, plan.C.Value, y.Address, plan.D.Value, algorithm, _workspace.Address, WorkspaceBytes,
                    _session.Stream.Value),
                "cublasLtMatmul",
                product.ToString());
        }
    }

    public void Dispose()
    {
        foreach (Plan plan in _plans.Values)
        {
            plan.Dispose();
        }

        _plans.Clear();
        _workspace.Dispose();
        _handle?.Dispose();
    }

    private static void Check(string name, Tensor tensor, int rows, int columns)
    {
        LaunchChecks.Strided(name, tensor, DType.BF16, rows, columns);
        LaunchChecks.Packets(name, tensor);
    }

    /// <summary>The descriptions and the algorithm of one product.</summary>
    private sealed class Plan : IDisposable
    {
        public readonly NativeCublasLtAlgorithm Algorithm;

        public Plan(nint handle, CublasLtProduct product, int addendStride)
        {
            // Should one of these fail, the finaliser frees those before it: they are host memory, and few.
            Product = CublasLtDescription.Product(product.TransposeA);
            A = CublasLtDescription.Matrix(product.A);
            B = CublasLtDescription.Matrix(product.B);
            C = CublasLtDescription.Matrix(product.D with { Leading = addendStride });
            D = CublasLtDescription.Matrix(product.D);
            using var preference = CublasLtDescription.Preference(WorkspaceBytes, LaunchChecks.PacketBytes);
            NativeCublasLtHeuristic found;
            int count = 0;
            CublasStatus status = NativeCublasLt.cublasLtMatmulAlgoGetHeuristic(
                handle, Product.Value, A.Value, B.Value, C.Value, D.Value, preference.Value, 1, &found, &count);
            status = status != CublasStatus.Success ? status : count == 0 ? CublasStatus.NotSupported : found.State;
            CublasException.Check(status, "cublasLtMatmulAlgoGetHeuristic", product.ToString());
            Algorithm = found.Algorithm;
        }

        public CublasLtDescription Product { get; }

        public CublasLtDescription A { get; }

        public CublasLtDescription B { get; }

        public CublasLtDescription C { get; }

        public CublasLtDescription D { get; }

        public void Dispose()
        {
            Product.Dispose();
            A.Dispose();
            B.Dispose();
            C.Dispose();
            D.Dispose();
        }
    }
}
