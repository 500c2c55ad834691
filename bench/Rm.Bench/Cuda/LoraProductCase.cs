using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Bench.Cuda;

/// <summary>S = x A^T or dS = dY B in bfloat16, the narrow products of LoRA.</summary>
internal sealed class LoraProductCase : KernelCase
{
    private const int Samples = 256;

    private readonly bool _backward;
    private readonly int _rows, _features, _rank;
    private readonly CudaLoraProduct _product;
    private readonly PackedFactor _factor;
    private readonly (Tensor Tensor, float[] Values) _a;
    private readonly float[] _values;
    private readonly Tensor _p;

    public LoraProductCase(CudaSession session, bool backward, int rows, int features, int rank)
        : base($"lora_product_{(backward ? "backward" : "forward")}_bf16 T={rows} C={features} R={rank}", session)
    {
        _backward = backward;
        (_rows, _features, _rank) = (rows, features, rank);
        _product = new CudaLoraProduct(session);
        (Tensor a, float[] down) = RandomF32(rank, features, 1);
        (Tensor b, float[] up) = RandomF32(features, rank, 2);
        LoraFactors lora = new(a, null, [new LoraPart(0, 0, b, null, 0)], 1, null);
        (int packedRows, int columns) = backward ? (features, rank) : (rank, features);
        _factor = new PackedFactor(Operand(packedRows, columns), Operand(packedRows, columns));
        new CudaLoraFactors(session).Pack(lora, backward ? null : _factor, backward ? _factor : null);
        _values = backward ? up : down;
        _a = RandomBF16(rows, features, 3);
        _p = Operand(rows, rank);
    }

    public override double Bytes => 2.0 * ((double)_rows * (_features + _rank));

    public override void Run()
    {
        if (_backward)
        {
            _product.Backward(_a.Tensor, _factor, scale: 1, (0, _rank), _p);
        }
        else
        {
            _product.Forward(_a.Tensor, _factor, default, scale: 1, (0, _rank), _p);
        }
    }

    public override string? Verify()
    {
        Run();
        float[] got = Read(_p.SliceColumns(0, _rank));
        Random random = new(5);
        for (int sample = 0; sample < Samples; sample++)
        {
            int row = random.Next(_rows), rank = random.Next(_rank);
            double sum = 0, magnitudes = 0;
            for (int k = 0; k < _features; k++)
            {
                double product =
                    (double)_a.Values[(row * _features) + k] * _values[_backward ? (k * _rank) + rank : (rank * _features) + k];
                sum += product;
                magnitudes += Math.Abs(product);
            }

            if (Compare($"[{row}, {rank}]", got[(row * _rank) + rank], sum, magnitudes) is { } wrong)
            {
                return wrong;
            }
        }

        return null;
    }

    // Ranks are multiples of eight here, so that the operands have no gaps and can be read back whole.
    private Tensor Operand(int rows, int columns) => Allocate(DType.BF16, rows, columns);
}
