using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;

namespace Rm.Bench.Cuda;

/// <summary>
/// y = x W^T + S B^T or dX = dY W + dS A in bfloat16 for a weight <c>[N, K]</c>, by one of the implementations of <see cref="GemmChoice"/>.
/// The low-rank part counts as time and not as work.
/// </summary>
internal sealed class LinearCase : KernelCase
{
    private const int Samples = 256;
    private const int Rank = 16;

    private readonly bool _backward;
    private readonly int _rows, _outputs, _inputs;
    private readonly IFrozenProduct<CudaLinearWeight> _linear;
    private readonly CudaLinearWeight _weight;
    private readonly float[] _w;
    private readonly (Tensor Tensor, float[] Values) _a, _narrow, _factor;
    private readonly Tensor _y;

    public LinearCase(CudaSession session, GemmChoice gemm, bool backward, int rows, int outputs, int inputs)
        : base($"linear_{(backward ? "backward" : "forward")}_bf16 T={rows} Out={outputs} In={inputs} R={Rank} {gemm}", session)
    {
        _backward = backward;
        (_rows, _outputs, _inputs) = (rows, outputs, inputs);
        _linear = gemm switch
        {
            GemmChoice.CublasLt => new CublasLtLinear(session, new CudaLinear(session)),
            GemmChoice.Wgmma => new CudaHopperLinear(session),
            _ => new CudaLinear(session),
        };
        _weight = new CudaLinearWeight(session, outputs, inputs);
        (Tensor values, _w) = RandomBF16(outputs, inputs, 1);
        session.Stream.Copy(_weight.Values.Address, values.Address, values.Shape.Count * DType.BF16.Size());
        _a = RandomBF16(rows, backward ? outputs : inputs, 2);
        _narrow = RandomBF16(rows, Rank, 3);
        _factor = backward ? RandomBF16(Rank, inputs, 4) : RandomBF16(outputs, Rank, 4);
        _y = Allocate(DType.BF16, rows, backward ? inputs : outputs);
    }

    public override double Flops => 2.0 * _rows * _outputs * _inputs;

    public override double Bytes => 2.0 * (((double)_rows * (_inputs + _outputs)) + ((double)_outputs * _inputs));

    public override void Run()
    {
        if (_backward)
        {
            _linear.InputGradient(_a.Tensor, _weight, (_narrow.Tensor, _factor.Tensor), accumulate: false, _y);
        }
        else
        {
            _linear.Forward(_a.Tensor, _weight, (_narrow.Tensor, _factor.Tensor), null, null, _y);
        }
    }

    public override void Dispose()
    {
        (_linear as IDisposable)?.Dispose();
        _weight.Dispose();
        base.Dispose();
    }

    public override string? Verify()
    {
        Run();
        float[] got = Read(_y);
        Random random = new(5);
        (int depth, int columns) = _backward ? (_outputs, _inputs) : (_inputs, _outputs);
        for (int sample = 0; sample < Samples; sample++)
        {
            int row = random.Next(_rows), column = random.Next(columns);
            double sum = 0, magnitudes = 0;
            void Add(float[] left, float[] right, int count)
            {
                for (int k = 0; k < count; k++)
                {
                    double product = (double)left[(row * count) + k] * right[_backward ? (k * columns) + column : (column * count) + k];
                    sum += product;
                    magnitudes += Math.Abs(product);
                }
            }

            Add(_a.Values, _w, depth);

            // The library's product is stored before the low-rank part is added to it.
            double roundedBefore = _linear is CublasLtLinear ? sum : 0;
            Add(_narrow.Values, _factor.Values, Rank);

            if (Compare($"[{row}, {column}]", got[(row * columns) + column], sum, magnitudes, roundedBefore) is { } wrong)
            {
                return wrong;
            }
        }

        return null;
    }
}
