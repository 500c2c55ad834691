using System.Runtime.Intrinsics;
using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public LinearWeight CreateFrozenWeight(int outFeatures, int inFeatures, bool needsInputGradient) =>
        new FrozenCpuWeight(_memory, _threads, outFeatures, inFeatures, needsInputGradient);

    /// <inheritdoc/>
    public LinearWeight CreateTrainableWeight(Tensor master)
    {
        _ = F32View.Of(master, nameof(master));
        return new TrainableCpuWeight(master);
    }

    /// <inheritdoc/>
    public void Refresh(LinearWeight weight)
    {
        // The master itself is multiplied with, so nothing is out of date.
        if (weight is not TrainableCpuWeight)
        {
            throw new ArgumentException("Only a trainable weight of this backend can be refreshed.", nameof(weight));
        }
    }

    /// <inheritdoc/>
    public void LinearForward(LinearForwardArgs args)
    {
        LinearWeight weight = args.Weight;
        var x = F32View.Of(args.X, args.X.Rows, weight.InFeatures, nameof(args.X));
        var y = F32View.Of(args.Y, x.Rows, weight.OutFeatures, nameof(args.Y));
        ReadOnlySpan<float> bias = args.Bias is { } b
            ? new ReadOnlySpan<float>(F32View.Vector(b, weight.OutFeatures, nameof(args.Bias)), weight.OutFeatures)
            : default;
        ReadOnlyMatrix residual = args.Residual is { } r
            ? F32View.Of(r, x.Rows, weight.OutFeatures, nameof(args.Residual)).Matrix
            : default;
        var options = new GemmOptions { Bias = bias, Residual = residual };
        if (args.Lora is { } lora)
        {
            CheckLora(lora, weight);
            F32View s = LoraView(args.S, x.Rows, lora, nameof(args.S));
            LoraDown(args, lora, x, s);
            F32View up = StackedB(lora, weight.OutFeatures);
            options = new GemmOptions
            {
                Bias = bias,
                Residual = residual,
                ExtensionA = s.Matrix,
                ExtensionB = up.Matrix,
                TransposeExtensionB = true,
            };
        }

        switch (weight)
        {
            case FrozenCpuWeight frozen:
                _gemm.Multiply(x.Matrix, frozen.Forward, y.Matrix, options);
                break;
            case TrainableCpuWeight trainable:
                _gemm.Multiply(x.Matrix, transposeA: false, trainable.Master.Matrix, transposeB: true, y.Matrix, options);
                break;
            default:
                throw ForeignWeight();
        }

        if (args.SwiGlu is { } product)
        {
            SwiGluForward(new SwiGluForwardArgs(args.Y, product));
        }
    }

    /// <inheritdoc/>
    public void LinearBackward(LinearBackwardArgs args)
    {
        LinearWeight weight = args.Weight;
        var dy = F32View.Of(args.DY, args.DY.Rows, weight.OutFeatures, nameof(args.DY));
        F32View x = args.Lora?.GradA is not null || args.DW is not null
            ? F32View.Of(args.X, dy.Rows, weight.InFeatures, nameof(args.X))
            : default;
        long mark = args.Scratch.Mark;
        F32View ds = args.Lora is { } lora ? LoraBackward(args, lora, x, dy) : default;
        if (args.DX is { } inputGradient)
        {
            var dx = F32View.Of(inputGradient, dy.Rows, weight.InFeatures, nameof(args.DX));
            bool extends = args.Lora is { Dropout: null };
            var options = new GemmOptions
            {
                Accumulate = args.AccumulateDX,
                ExtensionA = extends ? ds.Matrix : default(ReadOnlyMatrix),
                ExtensionB = extends ? F32View.Of(args.Lora!.A, nameof(args.Lora.A)).Matrix : default(ReadOnlyMatrix),
            };
            switch (weight)
            {
                case FrozenCpuWeight frozen:
                    _gemm.Multiply(dy.Matrix, frozen.Backward, dx.Matrix, options);
                    break;
                case TrainableCpuWeight trainable:
                    _gemm.Multiply(dy.Matrix, transposeA: false, trainable.Master.Matrix, transposeB: false, dx.Matrix, options);
                    break;
                default:
                    throw ForeignWeight();
            }

            if (args.Lora is { Dropout: { } dropout } dropped)
            {
                AddDroppedInputGradient(args, dropped, dropout, ds, dx);
            }
        }

        if (args.DW is { } weightGradient)
        {
            var dw = F32View.Of(weightGradient, weight.OutFeatures, weight.InFeatures, nameof(args.DW));
            _gemm.Multiply(
                dy.Matrix, transposeA: true, x.Matrix, transposeB: false, dw.Matrix, new GemmOptions { Accumulate = true });
        }

        if (args.DBias is { } biasGradient)
        {
            AddColumnSums(dy, F32View.Vector(biasGradient, weight.OutFeatures, nameof(args.DBias)));
        }

        args.Scratch.Release(mark);
    }

    private void AddColumnSums(F32View dy, float* dBias) => ForColumns(dy.Rows, dy.Columns, (begin, end) =>
    {
        for (int c = begin; c < end; c += Lanes)
        {
            Vector512<float> sum = default;
            for (int t = 0; t < dy.Rows; t++)
            {
                sum += Load(dy[t] + c, end - c);
            }

            Store(Load(dBias + c, end - c) + sum, dBias + c, end - c);
        }
    });

    private static ArgumentException ForeignWeight() => new("The weight was created by another backend.", "args");
}
