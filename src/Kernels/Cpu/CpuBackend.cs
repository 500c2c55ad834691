using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu;

/// <summary>
/// The operations on the processor, in float32. Vectorised for AVX-512 or AVX2, threaded; the bits of a result depend neither on
/// the instruction set, nor on the number of threads, nor on what else is in the micro-batch. One operation runs at a time.
/// </summary>
public sealed unsafe partial class CpuBackend : IBackend, IDeltaNetOperations, IExpertOperations
{
    // Below this many elements a parallel loop costs more than it saves.
    private const int ElementsPerItem = 16384;

    private readonly CpuThreads _threads;
    private readonly CpuMemory _memory = new();
    private readonly List<TensorStorage> _persistent = [];
    private readonly CpuWorkspace _workspace;
    private readonly CpuGemm _gemm;
    private bool _disposed;

    /// <summary>A backend with its own team of threads.</summary>
    /// <param name="threads">Threads to compute with; 0 for one per processor.</param>
    /// <exception cref="ArgumentException"><paramref name="threads"/> is negative or beyond reason.</exception>
    public CpuBackend(int threads = 0)
    {
        _threads = new CpuThreads(threads);
        _workspace = new CpuWorkspace(_memory);
        _gemm = new CpuGemm(_threads);
    }

    /// <inheritdoc/>
    public string Description
    {
        get
        {
            string vectors = Avx512F.IsSupported ? "AVX-512" : Vector256.IsHardwareAccelerated ? "AVX2"
                : Vector128.IsHardwareAccelerated ? "128-bit vectors" : "no vectors";
            return $"cpu, {vectors}, {_threads.Count} {(_threads.Count == 1 ? "thread" : "threads")}";
        }
    }

    /// <inheritdoc/>
    public DType ActivationDType => DType.F32;

    /// <inheritdoc/>
    public IDeltaNetOperations DeltaNets => this;

    /// <inheritdoc/>
    public IExpertOperations Experts => this;

    /// <summary>Bytes of native memory in use by tensors, weights, arenas and workspaces of this backend.</summary>
    public long AllocatedBytes => _memory.AllocatedBytes;

    /// <summary>Most bytes of native memory that were in use at once.</summary>
    public long PeakAllocatedBytes => _memory.PeakBytes;

    /// <inheritdoc/>
    public Tensor AllocatePersistent(DType dtype, Shape shape)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        TensorStorage storage = _memory.Allocate(_memory.SizeOf(dtype, shape));
        _persistent.Add(storage);
        NativeMemory.Clear((void*)storage.Address, (nuint)storage.ByteLength);
        return new Tensor(storage, 0, dtype, shape);
    }

    /// <inheritdoc/>
    public TensorArena CreateArena() => new CpuTensorArena(_memory);

    /// <inheritdoc/>
    public long FreeMemory => SystemMemory.Free;

    /// <inheritdoc/>
    public IDryRun DryRun(DType weights) => new CpuDryRun(weights);

    /// <inheritdoc/>
    public bool IsOutOfMemory(Exception failure) =>
        failure is OutOfMemoryException or InvalidOperationException { InnerException: OutOfMemoryException };

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination)
        where T : unmanaged =>
        source.CopyTo(HostSpan<T>(destination, source.Length));

    /// <inheritdoc/>
    public void Download<T>(Tensor source, Span<T> destination)
        where T : unmanaged =>
        HostSpan<T>(source, destination.Length).CopyTo(destination);

    /// <inheritdoc/>
    public void Fill(Tensor destination, float value)
    {
        var view = F32View.Of(destination, nameof(destination));
        ForRows(view.Rows, view.Columns, (begin, end) =>
        {
            for (int row = begin; row < end; row++)
            {
                new Span<float>(view[row], view.Columns).Fill(value);
            }
        });
    }

    /// <inheritdoc/>
    public void Copy(Tensor source, Tensor destination)
    {
        if (source.Shape != destination.Shape || source.DType != destination.DType)
        {
            throw new ArgumentException(
                $"Cannot copy {source.DType} {source.Shape} to {destination.DType} {destination.Shape}.", nameof(destination));
        }

        int size = source.DType.Size();
        nint from = source.Address;
        nint to = destination.Address;
        ForRows(source.Rows, source.Columns, (begin, end) =>
        {
            for (int row = begin; row < end; row++)
            {
                Buffer.MemoryCopy(
                    (byte*)from + ((long)row * source.RowStride * size), (byte*)to + ((long)row * destination.RowStride * size),
                    (long)source.Columns * size, (long)source.Columns * size);
            }
        });
    }

    /// <inheritdoc/>
    public void Synchronize()
    {
    }

    /// <inheritdoc/>
    public PreparedLayout Prepare(SequenceLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        return new CpuPreparedLayout(layout);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _gemm.Dispose();
            _threads.Dispose();
            _workspace.Dispose();
            foreach (TensorStorage storage in _persistent)
            {
                storage.Dispose();
            }
        }
    }

    /// <summary>
    /// Splits rows among the threads. A split only decides who computes a row, never the order of a sum.
    /// </summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="elementsPerRow">Work per row, in elements.</param>
    /// <param name="body">Computes rows from begin (inclusive) to end (exclusive).</param>
    private void ForRows(int rows, long elementsPerRow, Action<int, int> body)
    {
        int rowsPerItem = (int)Math.Clamp(ElementsPerItem / Math.Max(1, elementsPerRow), 1, int.MaxValue);
        int items = (int)(((long)rows + rowsPerItem - 1) / rowsPerItem);
        if (items <= 1)
        {
            body(0, rows);
            return;
        }

        _threads.For(items, item => body(item * rowsPerItem, (int)Math.Min(rows, ((long)item + 1) * rowsPerItem)));
    }

    /// <summary>Splits columns among the threads in multiples of a cache line, for sums over rows in row order.</summary>
    private void ForColumns(int rows, int columns, Action<int, int> body)
    {
        const int Width = 64;
        int items = (columns + Width - 1) / Width;
        if ((long)rows * columns <= ElementsPerItem)
        {
            body(0, columns);
            return;
        }

        _threads.For(items, item => body(item * Width, Math.Min(columns, (item + 1) * Width)));
    }

    private static CpuPreparedLayout Own(PreparedLayout layout) => layout as CpuPreparedLayout
        ?? throw new ArgumentException("The layout was prepared by another backend.", nameof(layout));

    private static Span<T> HostSpan<T>(Tensor tensor, int length)
        where T : unmanaged
    {
        // Conditionals: the ahead-of-time compiler makes a loop without end of a switch over comparisons of types.
        bool matches = tensor.DType == DType.F32 ? typeof(T) == typeof(float)
            : tensor.DType == DType.I32 ? typeof(T) == typeof(int) || typeof(T) == typeof(uint)
            : typeof(T) == typeof(ushort) || (tensor.DType == DType.F16 && typeof(T) == typeof(Half));
        if (!matches || !tensor.IsContiguous || tensor.Shape.Count != length)
        {
            throw new ArgumentException(
                $"{length} elements of {typeof(T).Name} do not match a {tensor.DType} tensor {tensor.Shape} with row stride "
                    + $"{tensor.RowStride}.",
                nameof(tensor));
        }

        return new Span<T>((void*)tensor.Address, length);
    }
}
