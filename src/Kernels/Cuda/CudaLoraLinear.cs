using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Whole linear layers, with bias, residual, LoRA, dropout and trained weights, for one activation type. S has that type, and in bfloat16
/// its rows start at multiples of 16 bytes, as those of all activations do.
/// </summary>
internal sealed class CudaLoraLinear : IDisposable
{
    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaSwiGlu _swiGlu;
    private readonly CudaTokenKeys _keys;
    private readonly IFrozenProduct<CudaLinearWeight> _linear;
    private readonly CudaLoraFactors _factors;
    private readonly CudaLoraProduct _product;
    private readonly CudaLoraGradient _gradient;
    private readonly CudaLoraInputGradient _inputGradient;
    private readonly CudaWeightGradient _weightGradient;
    private readonly CudaLinearF32 _single;
    private readonly IFrozenProduct<CudaLowBitWeight> _lowBit;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>, bfloat16 or float32.</summary>
    /// <exception cref="InvalidOperationException">The library that <paramref name="gemm"/> names is not there.</exception>
    /// <exception cref="NotSupportedException">The GPU does not have what <paramref name="gemm"/> names.</exception>
    public CudaLoraLinear(CudaSession session, DType dtype, CudaSwiGlu swiGlu, GemmChoice gemm)
    {
        _session = session;
        _dtype = dtype;
        _swiGlu = swiGlu;
        _keys = new CudaTokenKeys(session);
        CudaLinear own = new(session);
        _linear = (gemm, dtype) switch
        {
            (GemmChoice.CublasLt, DType.BF16) => new CublasLtLinear(session, own),
            (GemmChoice.Wgmma, DType.BF16) => new CudaHopperLinear(session),
            _ => own,
        };
        _factors = new CudaLoraFactors(session);
        _product = new CudaLoraProduct(session);
        _gradient = new CudaLoraGradient(session);
        _inputGradient = new CudaLoraInputGradient(session, dtype);
        _weightGradient = new CudaWeightGradient(session, dtype, _gradient);
        _single = new CudaLinearF32(session, _inputGradient);
        _lowBit = (gemm, dtype) is (GemmChoice.Wgmma, DType.BF16) ? new CudaHopperLowBitLinear(session) : new CudaLowBitLinear(session);
    }

    /// <summary>A frozen weight of the activation type, to be loaded.</summary>
    public LinearWeight CreateFrozenWeight(int outFeatures, int inFeatures) =>
        new CudaLinearWeight(_session, outFeatures, inFeatures, _dtype);

    /// <summary>
    /// A frozen weight in few bits, to be loaded; null where it is not for the kernels, which multiply bfloat16. They are btrm's own also
    /// where a library multiplies other weights.
    /// </summary>
    public LowBitWeight? CreateLowBitWeight(int outFeatures, int inFeatures, LowBitLayout layout, LowBitTables tables) =>
        _dtype == DType.BF16 && layout.Fits(inFeatures) ? new CudaLowBitWeight(_session, outFeatures, inFeatures, layout, tables) : null;

    /// <summary>A weight under training over its float32 master <c>[Out, In]</c>; refresh it before use.</summary>
    /// <exception cref="ArgumentException">The master is not float32, or has gaps.</exception>
    public LinearWeight CreateTrainableWeight(Tensor master) => new CudaTrainableWeight(_session, master, _dtype);

    /// <summary>Brings a trainable weight up to date with its master.</summary>
    /// <exception cref="ArgumentException">The weight is another one.</exception>
    public void Refresh(LinearWeight weight)
    {
        if (weight is not CudaTrainableWeight trainable)
        {
            throw new ArgumentException("Only a trainable weight of this backend can be refreshed.", nameof(weight));
        }

        trainable.Refresh(_factors);
    }

    /// <summary>Y and S of <see cref="LinearForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">
    /// A tensor's type, shape or alignment is not the kernels', or the LoRA parts do not fit.
    /// </exception>
    public void Forward(LinearForwardArgs args)
    {
        LinearWeight weight = args.Weight;
        nint keys = Keys(args.Lora, args.Layout, args.TokenRows, args.X.Rows);
        if (args.Lora is { } factors)
        {
            Check(factors, weight, args.S, args.X.Rows);
        }

        if (_dtype == DType.F32)
        {
            Check("X", args.X, args.X.Rows, weight.InFeatures);
            Check("Y", args.Y, args.X.Rows, weight.OutFeatures);
            Check("Residual", args.Residual, args.X.Rows, weight.OutFeatures);
            CheckVector("Bias", args.Bias, weight.OutFeatures);
            _single.Forward(args, Own(weight).Values, keys);
            SwiGlu(args);
            return;
        }

        (Tensor S, Tensor B)? extension = null;
        if (args.Lora is { } lora)
        {
            Tensor s = args.S!.Value;
            (PackedFactor a, PackedFactor b) = WorkspaceFor(lora, weight);
            _factors.Pack(lora, a, b);
            if (lora is { Dropout: null, UniformScale: { } uniform })
            {
                _product.Forward(args.X, a, default, uniform, (0, lora.TotalRank), s);
            }
            else
            {
                foreach (LoraPart part in lora.Parts)
                {
                    _product.Forward(
                        args.X, a, LoraDropouts.Of(lora.Dropout, keys, part.DropoutStream),
                        lora.ScaleOf(part) * LoraDropouts.Factor(lora.Dropout),
                        (part.RankRow, part.Rank), s);
                }
            }

            extension = (s, b.High);
        }

        if (weight is CudaLowBitWeight lowBit)
        {
            Forward(_lowBit, lowBit, args, extension);
        }
        else
        {
            Forward(_linear, Own(weight), args, extension);
        }
    }

    /// <summary>All gradients of <see cref="LinearBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">
    /// A tensor's type, shape or alignment is not the kernels', or the LoRA parts do not fit.
    /// </exception>
    public void Backward(LinearBackwardArgs args)
    {
        LinearWeight weight = args.Weight;
        int rows = args.DY.Rows;
        nint keys = Keys(args.Lora, args.Layout, args.TokenRows, rows);
        if (args.Lora is { } factors)
        {
            Check(factors, weight, args.S, rows);
        }

        Check("X", args.Lora?.GradA is null && args.DW is null ? null : args.X, rows, weight.InFeatures);
        long mark = args.Scratch.Mark;
        if (_dtype == DType.F32)
        {
            Check("DY", args.DY, rows, weight.OutFeatures);
            Check("DX", args.DX, rows, weight.InFeatures);
            Check("DW", args.DW, weight.OutFeatures, weight.InFeatures);
            _single.Backward(args, Own(weight).Values, keys);
        }
        else
        {
            (Tensor DS, Tensor A)? extension = args.Lora is { } lora ? FactorGradients(args, lora, weight, keys) : null;
            if (args.DX is { } dX)
            {
                bool masks = args.Lora is { Dropout: not null };
                (Tensor, Tensor)? folded = masks ? null : extension;
                if (weight is CudaLowBitWeight lowBit)
                {
                    _lowBit.InputGradient(args.DY, lowBit, folded, args.AccumulateDX, dX);
                }
                else
                {
                    _linear.InputGradient(args.DY, Own(weight), folded, args.AccumulateDX, dX);
                }

                if (masks)
                {
                    _inputGradient.Add(extension!.Value.DS, args.Lora!, keys, dX);
                }
            }

            if (args.DW is { } dW)
            {
                _weightGradient.AddWeight(args.DY, args.X, dW);
            }
        }

        if (args.DBias is { } dBias)
        {
            _weightGradient.AddBias(args.DY, dBias, args.Scratch);
        }

        args.Scratch.Release(mark);
    }

    public void Dispose()
    {
        _keys.Dispose();
        (_linear as IDisposable)?.Dispose();
    }

    private void Forward<TWeight>(
        IFrozenProduct<TWeight> linear, TWeight weight, LinearForwardArgs args, (Tensor S, Tensor B)? extension)
        where TWeight : LinearWeight
    {
        if (args is { SwiGlu: { } product, Residual: null } && linear is CudaHopperProduct<TWeight> fused)
        {
            fused.ForwardSwiGlu(args.X, weight, extension, args.Bias, args.Y, product);
            return;
        }

        linear.Forward(args.X, weight, extension, args.Bias, args.Residual, args.Y);
        SwiGlu(args);
    }

    private void SwiGlu(LinearForwardArgs args)
    {
        if (args.SwiGlu is { } product)
        {
            _swiGlu.Forward(new SwiGluForwardArgs(args.Y, product));
        }
    }

    // Adds to GradA and GradB; returns dS and A for dX.
    private (Tensor DS, Tensor A) FactorGradients(LinearBackwardArgs args, LoraFactors lora, LinearWeight weight, nint keys)
    {
        Tensor Operand(int rows, int columns)
        {
            int stride = CudaLoraFactors.Stride(columns);
            return args.Scratch.Allocate(DType.BF16, new Shape(rows, stride)).SliceColumns(0, columns);
        }

        Tensor a = Operand(lora.TotalRank, weight.InFeatures);
        PackedFactor b = new(Operand(weight.OutFeatures, lora.TotalRank), Operand(weight.OutFeatures, lora.TotalRank));
        Tensor dS = Operand(args.DY.Rows, lora.TotalRank), s = args.S!.Value;
        _factors.Pack(lora, lora.Dropout is null && args.DX is not null ? new PackedFactor(a, null) : null, b);
        if (lora.UniformScale is { } uniform)
        {
            _product.Backward(args.DY, b, uniform, (0, lora.TotalRank), dS);
        }
        else
        {
            foreach (LoraPart part in lora.Parts)
            {
                _product.Backward(args.DY, b, lora.ScaleOf(part), (part.RankRow, part.Rank), dS);
            }
        }

        LoraReduceTargetLaunch[] targets = [.. lora.Parts.Where(static part => part.GradB is not null).Select(TargetOfB)];
        if (targets.Length != 0)
        {
            _gradient.Add(s, args.DY, default, scale: 1, targets, args.Scratch);
        }

        if (lora.GradA is { } gradA)
        {
            if (lora.Dropout is null)
            {
                _gradient.Add(dS, args.X, default, scale: 1, [TargetOfA(gradA, 0)], args.Scratch);
            }
            else
            {
                foreach (LoraPart part in lora.Parts)
                {
                    // The part's columns of dS, from a multiple of 16 bytes on.
                    int first = part.RankRow / 8 * 8, before = part.RankRow - first;
                    _gradient.Add(
                        dS.SliceColumns(first, before + part.Rank), args.X, LoraDropouts.Of(lora.Dropout, keys, part.DropoutStream),
                        LoraDropouts.Factor(lora.Dropout), [TargetOfA(gradA.SliceRows(part.RankRow, part.Rank), before)], args.Scratch);
                }
            }
        }

        return (dS, a);
    }

    private static LoraReduceTargetLaunch TargetOfA(Tensor gradient, int rankRow) => new()
    {
        Gradient = gradient.Address,
        RankRow = rankRow,
        Ranks = gradient.Rows,
        Columns = gradient.Columns,
        RankStride = gradient.RowStride,
        ColumnStride = 1,
    };

    private static LoraReduceTargetLaunch TargetOfB(LoraPart part) => new()
    {
        Gradient = part.GradB!.Value.Address,
        RankRow = part.RankRow,
        Ranks = part.Rank,
        Column = part.Column,
        Columns = part.Columns,
        RankStride = 1,
        ColumnStride = part.GradB.Value.RowStride,
    };

    // Both halves of A, and B, for the forward kernels, which are queued before the workspace has its next owner.
    private (PackedFactor A, PackedFactor B) WorkspaceFor(LoraFactors lora, LinearWeight weight)
    {
        int strideA = CudaLoraFactors.Stride(weight.InFeatures), strideB = CudaLoraFactors.Stride(lora.TotalRank);
        long bytesA = (long)lora.TotalRank * strideA * DType.BF16.Size(), bytesB = (long)weight.OutFeatures * strideB * DType.BF16.Size();
        Tensor workspace = _session.Workspace(new Shape(checked((int)(((2 * bytesA) + bytesB) / DType.F32.Size()))));
        Tensor Operand(long offset, int rows, int columns, int stride) =>
            new(workspace.Storage, offset, DType.BF16, new Shape(rows, columns), stride);
        return (
            new PackedFactor(
                Operand(0, lora.TotalRank, weight.InFeatures, strideA), Operand(bytesA, lora.TotalRank, weight.InFeatures, strideA)),
            new PackedFactor(Operand(2 * bytesA, weight.OutFeatures, lora.TotalRank, strideB), null));
    }

    private nint Keys(LoraFactors? lora, PreparedLayout layout, int[]? tokenRows, int rows) =>
        lora?.Dropout is null ? 0 : _keys.For(layout, tokenRows, rows);

    private CudaLinearWeight Own(LinearWeight weight) => weight is CudaLinearWeight own && own.Values.DType == _dtype
        ? own
        : throw new ArgumentException("The weight was created by another backend.", nameof(weight));

    private void Check(string name, Tensor? tensor, int rows, int columns)
    {
        if (tensor is { } given)
        {
            LaunchChecks.Strided(name, given, _dtype, rows, columns);
        }
    }

    private static void CheckVector(string name, Tensor? tensor, int columns)
    {
        if (tensor is { } given)
        {
            LaunchChecks.Contiguous(name, given, DType.F32, 1, columns);
        }
    }

    private void Check(LoraFactors lora, LinearWeight weight, Tensor? s, int rows)
    {
        int ranks = 0;
        bool fits = lora.A.Columns == weight.InFeatures && lora.Dropout is not { Probability: < 0 or >= 1 }
            && lora.Parts.Count <= CudaLoraFactors.MaxParts;
        foreach (LoraPart part in lora.Parts)
        {
            fits &= part.RankRow == ranks && part.Column >= 0 && part.Column <= weight.OutFeatures - part.Columns
                && (part.GradB is not { } gradB || (gradB.DType == DType.F32 && gradB.Shape == part.B.Shape));
            LaunchChecks.Contiguous("B", part.B, DType.F32, part.Columns, part.Rank);
            ranks += part.Rank;
        }

        if (!fits || ranks != lora.TotalRank)
        {
            throw new ArgumentException(
                $"LoRA factors with A {lora.A.Shape} and {lora.Parts.Count} parts of total rank {ranks} do not fit a weight "
                + $"[{weight.OutFeatures}, {weight.InFeatures}] (at most {CudaLoraFactors.MaxParts} parts).", nameof(lora));
        }

        LaunchChecks.Contiguous("A", lora.A, DType.F32, lora.TotalRank, weight.InFeatures);
        if (lora.GradA is { } gradA)
        {
            LaunchChecks.Strided("GradA", gradA, DType.F32, lora.TotalRank, weight.InFeatures);
        }

        LaunchChecks.Strided("S", s ?? throw new ArgumentException("A layer with LoRA needs S.", nameof(s)), _dtype, rows, lora.TotalRank);
    }
}
