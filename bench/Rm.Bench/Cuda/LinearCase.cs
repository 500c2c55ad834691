using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;

namespace Rm.Bench.Cuda;

/// <summary>y = x W^T or dX = dY W in bfloat16 for a weight <c>[N, K]</c>.</summary>
internal sealed class LinearCase : KernelCase
{
    private const int Samples = 256;

    private readonly bool _backward;
    private readonly int _rows, _outputs, _inputs;
    private readonly CudaLinear _linear;
    private readonly CudaLinearWeight _weight;
    private readonly float[] _w;
    private readonly (Tensor Tensor, float[] Values) _a;
    private readonly Tensor _y;

    public LinearCase(CudaSession session, bool backward, int rows, int outputs, int inputs)
        : base($"linear_{(backward ? "backward" : "forward")}_bf16 T={rows} Out={outputs} In={inputs}", session)
    {
        _backward = backward;
        (_rows, _outputs, _inputs) = (rows, outputs, inputs);
        _linear = new CudaLinear(session);
        _weight = new CudaLinearWeight(session, outputs, inputs);
        (Tensor values, _w) = RandomBF16(outputs, inputs, 1);
        session.Stream.Copy(_weight.Values.Address, values.Address, values.Shape.Count * DType.BF16.Size());
        _a = RandomBF16(rows, backward ? outputs : inputs, 2);
        _y = Allocate(DType.BF16, rows, backward ? inputs : outputs);
    }

    public override double Flops => 2.0 * _rows * _outputs * _inputs;

    public override double Bytes => 2.0 * (((double)_rows * (_inputs + _outputs)) + ((double)_outputs * _inputs));

    public override void Run()
    {
        if (_backward)
        {
            _linear.InputGradient(_a.Tensor, _weight, null, accumulate: false, _y);
        }
        else
        {
            _linear.Forward(_a.Tensor, _weight, null, null, null, _y);
        }
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
            for (int k = 0; k < depth; k++)
            {
                double product = (double)_a.Values[(row * depth) + k] * (_backward ? _w[(k * _inputs) + column] : _w[(column * _inputs) + k]);
                sum += product;
                magnitudes += Math.Abs(product);
            }

            if (Compare($"[{row}, {column}]", got[(row * columns) + column], sum, magnitudes) is { } wrong)
            {
                return wrong;
            }
        }

        return null;
    }
}
