using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;

namespace Rm.Bench.Cuda;

/// <summary>SwiGLU of <c>[T, 2F]</c> bfloat16, forward or backward.</summary>
internal sealed class SwiGluCase : KernelCase
{
    private readonly bool _backward;
    private readonly int _features;
    private readonly CudaSwiGlu _swiGlu;
    private readonly (Tensor Tensor, float[] Values) _gateUp, _dY;
    private readonly Tensor _output;

    public SwiGluCase(CudaSession session, bool backward, int rows, int features)
        : base($"swiglu_{(backward ? "backward" : "forward")}_bf16 T={rows} F={features}", session)
    {
        _backward = backward;
        _features = features;
        _swiGlu = new CudaSwiGlu(session, DType.BF16);
        _gateUp = RandomBF16(rows, 2 * features, 1);
        _dY = backward ? RandomBF16(rows, features, 2) : default;
        _output = Allocate(DType.BF16, rows, backward ? 2 * features : features);
    }

    public override double Bytes => _gateUp.Tensor.Shape.Count * (_backward ? 5.0 : 3.0);

    public override void Run()
    {
        if (_backward)
        {
            _swiGlu.Backward(new(_dY.Tensor, _gateUp.Tensor, _output));
        }
        else
        {
            _swiGlu.Forward(new(_gateUp.Tensor, _output));
        }
    }

    public override string? Verify()
    {
        Run();
        float[] got = Read(_output);
        Random random = new(3);
        for (int sample = 0; sample < 4096; sample++)
        {
            int row = random.Next(_gateUp.Tensor.Rows), c = random.Next(_features), at = row * 2 * _features;
            double gate = _gateUp.Values[at + c], up = _gateUp.Values[at + _features + c], s = 1 / (1 + Math.Exp(-gate));
            double dy = _backward ? _dY.Values[(row * _features) + c] : 0;
            string? wrong = _backward
                ? Compare($"d_gate[{row}, {c}]", got[at + c], dy * up * s * (1 + (gate * (1 - s))), 1)
                    ?? Compare($"d_up[{row}, {c}]", got[at + _features + c], dy * gate * s, 1)
                : Compare($"[{row}, {c}]", got[(row * _features) + c], gate * s * up, 1);
            if (wrong is not null)
            {
                return wrong;
            }
        }

        return null;
    }
}
