using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>cublasLtHandle_t, which belongs to the context that was current when it was made.</summary>
internal sealed unsafe class CublasLtHandle : CudaResourceHandle
{
    private CublasLtHandle(ContextHandle context, nint value)
        : base(context, value)
    {
    }

    /// <summary>Makes one in <paramref name="context"/>.</summary>
    /// <exception cref="CublasException">The library refuses.</exception>
    public static CublasLtHandle Create(ContextHandle context)
    {
        context.Activate();
        nint value;
        CublasException.Check(NativeCublasLt.cublasLtCreate(&value), "cublasLtCreate");
        return new CublasLtHandle(context, value);
    }

    protected override CudaResult Free(ICudaDriver api, nint value) =>
        NativeCublasLt.cublasLtDestroy(value) == CublasStatus.Success ? CudaResult.Success : CudaResult.InvalidValue;
}

/// <summary>One of cuBLASLt's descriptions: host memory that belongs to no context.</summary>
internal sealed unsafe class CublasLtDescription : SafeHandle
{
    private readonly delegate*<nint, CublasStatus> _destroy;

    private CublasLtDescription(nint value, delegate*<nint, CublasStatus> destroy)
        : base(0, ownsHandle: true)
    {
        _destroy = destroy;
        SetHandle(value);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Its address.</summary>
    public nint Value => handle;

    /// <summary>A product summed and scaled in float32, whose A is transposed or not, and B never.</summary>
    public static CublasLtDescription Product(bool transposeA)
    {
        nint value;
        CublasException.Check(
            NativeCublasLt.cublasLtMatmulDescCreate(&value, NativeCublasLt.ComputeF32, NativeCublasLt.TypeF32), "cublasLtMatmulDescCreate");
        CublasLtDescription description = new(value, &NativeCublasLt.cublasLtMatmulDescDestroy);
        if (transposeA)
        {
            int operation = NativeCublasLt.OperationTranspose;
            CublasException.Check(
                NativeCublasLt.cublasLtMatmulDescSetAttribute(value, NativeCublasLt.DescTransposeA, &operation, sizeof(int)),
                "cublasLtMatmulDescSetAttribute");
        }

        return description;
    }

    /// <summary>A column-major bfloat16 matrix.</summary>
    public static CublasLtDescription Matrix(CublasLtMatrix matrix)
    {
        nint value;
        CublasException.Check(
            NativeCublasLt.cublasLtMatrixLayoutCreate(
                &value, NativeCublasLt.TypeBF16, (ulong)matrix.Rows, (ulong)matrix.Columns, matrix.Leading),
            "cublasLtMatrixLayoutCreate",
            matrix.ToString());
        return new CublasLtDescription(value, &NativeCublasLt.cublasLtMatrixLayoutDestroy);
    }

    /// <summary>Which algorithms the heuristic may choose from: see <see cref="CublasLt"/> for why.</summary>
    public static CublasLtDescription Preference(ulong workspaceBytes, uint alignment)
    {
        nint value;
        CublasException.Check(NativeCublasLt.cublasLtMatmulPreferenceCreate(&value), "cublasLtMatmulPreferenceCreate");
        CublasLtDescription preference = new(value, &NativeCublasLt.cublasLtMatmulPreferenceDestroy);
        preference.Prefer(NativeCublasLt.PreferenceMaxWorkspace, &workspaceBytes, sizeof(ulong));
        uint reduction = NativeCublasLt.ReductionComputeType;
        preference.Prefer(NativeCublasLt.PreferenceReductionMask, &reduction, sizeof(uint));
        for (int operand = 0; operand < 4; operand++)
        {
            preference.Prefer(NativeCublasLt.PreferenceAlignmentA + operand, &alignment, sizeof(uint));
        }

        return preference;
    }

    protected override bool ReleaseHandle() => _destroy(handle) == CublasStatus.Success;

    private void Prefer(int attribute, void* value, nuint bytes) => CublasException.Check(
        NativeCublasLt.cublasLtMatmulPreferenceSetAttribute(handle, attribute, value, bytes), "cublasLtMatmulPreferenceSetAttribute");
}
