using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;

namespace Rm.Bench.Cuda;

/// <summary>GradA += dS^T x in bfloat16: the split sums and their ordered addition.</summary>
internal sealed class LoraGradientCase : KernelCase
{
    private const int Samples = 256;

    private readonly int _rows, _features, _rank;
    private readonly CudaLoraGradient _gradient;
    private readonly CudaArena _scratch;
    private readonly (Tensor Tensor, float[] Values) _p, _q;
    private readonly Tensor _target;

    public LoraGradientCase(CudaSession session, int rows, int features, int rank)
        : base($"lora_gradient_backward_bf16 T={rows} C={features} R={rank}", session)
    {
        (_rows, _features, _rank) = (rows, features, rank);
        _gradient = new CudaLoraGradient(session);
        _scratch = new CudaArena(session.Device);
        _p = RandomBF16(rows, rank, 1);
        _q = RandomBF16(rows, features, 2);
        _target = Allocate(DType.F32, rank, features);
    }

    public override double Bytes => 2.0 * _rows * (_features + _rank);

    public override void Run() => _gradient.Add(
        _p.Tensor, _q.Tensor, default, scale: 1,
        [
            new LoraReduceTargetLaunch
            {
                Gradient = _target.Address,
                Ranks = _rank,
                Columns = _features,
                RankStride = _features,
                ColumnStride = 1,
            },
        ],
        _scratch);

    public override string? Verify()
    {
        Session.Stream.Zero(_target.Address, _target.Shape.Count * DType.F32.Size());
        Run();
        float[] got = new float[_rank * _features];
        Session.Transfers.Download<float>(_target, got);
        Random random = new(5);
        for (int sample = 0; sample < Samples; sample++)
        {
            int rank = random.Next(_rank), column = random.Next(_features);
            double sum = 0, magnitudes = 0;
            for (int t = 0; t < _rows; t++)
            {
                double product = (double)_p.Values[(t * _rank) + rank] * _q.Values[(t * _features) + column];
                sum += product;
                magnitudes += Math.Abs(product);
            }

            if (Compare($"[{rank}, {column}]", got[(rank * _features) + column], sum, magnitudes) is { } wrong)
            {
                return wrong;
            }
        }

        return null;
    }

    public override void Dispose()
    {
        _scratch.Dispose();
        base.Dispose();
    }
}
