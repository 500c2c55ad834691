using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;

namespace Rm.Bench.Cuda;

/// <summary>RMSNorm of <c>[T, C]</c> bfloat16, forward, or backward with residual gradient and frozen weight.</summary>
internal sealed class RmsNormCase : KernelCase
{
    private const float Epsilon = 1e-6f;

    private readonly bool _backward;
    private readonly int _columns;
    private readonly CudaRmsNorm _norm;
    private readonly (Tensor Tensor, float[] Values) _x, _w, _dY, _residual;
    private readonly Tensor _y, _rstd;

    public RmsNormCase(CudaSession session, bool backward, int rows, int columns)
        : base($"rms_norm_{(backward ? "backward" : "forward")}_bf16 T={rows} C={columns}", session)
    {
        _backward = backward;
        _columns = columns;
        _norm = new CudaRmsNorm(session, DType.BF16);
        _x = RandomBF16(rows, columns, 1);
        _w = RandomF32(1, columns, 2);
        _y = Allocate(DType.BF16, rows, columns);
        _rstd = Allocate(DType.F32, 1, rows);
        if (backward)
        {
            _dY = RandomBF16(rows, columns, 3);
            _residual = RandomBF16(rows, columns, 4);
            _norm.Forward(new(_x.Tensor, _w.Tensor, Epsilon, _y, _rstd));
        }
    }

    public override double Bytes => 2.0 * _x.Tensor.Shape.Count * (_backward ? 4 : 2);

    public override void Run()
    {
        if (_backward)
        {
            _norm.Backward(new(_dY.Tensor, _x.Tensor, _w.Tensor, _rstd, _residual.Tensor, _y, null));
        }
        else
        {
            _norm.Forward(new(_x.Tensor, _w.Tensor, Epsilon, _y, _rstd));
        }
    }

    public override string? Verify()
    {
        Run();
        float[] got = Read(_y);
        int rows = _x.Tensor.Rows;
        for (int row = 0; row < rows; row += Math.Max(1, rows / 8))
        {
            int start = row * _columns;
            double squares = 0, product = 0;
            for (int c = 0; c < _columns; c++)
            {
                squares += (double)_x.Values[start + c] * _x.Values[start + c];
            }

            double rstd = 1 / Math.Sqrt((squares / _columns) + Epsilon);
            for (int c = 0; _backward && c < _columns; c++)
            {
                product += (double)_dY.Values[start + c] * _w.Values[c] * _x.Values[start + c] * rstd;
            }

            for (int c = 0; c < _columns; c++)
            {
                double normalized = _x.Values[start + c] * rstd;
                double expected = _backward
                    ? (rstd * ((_dY.Values[start + c] * (double)_w.Values[c]) - (normalized * product / _columns)))
                        + _residual.Values[start + c]
                    : normalized * _w.Values[c];
                if (Compare($"[{row}, {c}]", got[start + c], expected, 10) is { } wrong)
                {
                    return wrong;
                }
            }
        }

        return null;
    }
}
