using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda;

/// <summary>DeltaRuleInputs of common/delta_rule.cuh.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DeltaRuleInputsLaunch
{
    public nint Qkv;
    public nint A;
    public nint B;
    public nint ALog;
    public nint DtBias;
    public nint Items;
    public int QkvStride;
    public int AStride;
    public int BStride;
    public int KeyHeads;
    public int ValueHeads;
    public int KeyDim;
    public int ValueDim;
    public int Chunk;
    public int Slice;
    public float Epsilon;
}

/// <summary>DeltaRuleForwardArgs of delta_rule_forward.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DeltaRuleForwardLaunch
{
    public DeltaRuleInputsLaunch Inputs;
    public nint O;
    public nint States;
    public nint PrefixEnds;
    public int OStride;
    public int Tails;
}

/// <summary>DeltaRuleBackwardArgs of delta_rule_backward.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DeltaRuleBackwardLaunch
{
    public DeltaRuleInputsLaunch Inputs;
    public nint DOut;
    public nint States;
    public nint Dqkv;
    public nint Units;
    public nint Gates;
    public nint TailStarts;
    public nint Inner;
    public int DOutStride;
    public int DqkvStride;
    public int Tokens;
    public int Tails;
}

/// <summary>DeltaRuleKeysArgs of delta_rule_gradients.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DeltaRuleKeysLaunch
{
    public nint Units;
    public nint Qkv;
    public nint Dqkv;
    public int QkvStride;
    public int DqkvStride;
    public int Tokens;
    public int KeyHeads;
    public int ValueHeads;
    public int KeyDim;
    public int Slices;
    public float Epsilon;
}

/// <summary>DeltaRuleGatesArgs of delta_rule_gradients.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DeltaRuleGatesLaunch
{
    public nint Gates;
    public nint A;
    public nint B;
    public nint ALog;
    public nint DtBias;
    public nint Da;
    public nint Db;
    public nint DaLog;
    public nint DdtBias;
    public int AStride;
    public int BStride;
    public int DaStride;
    public int DbStride;
    public int Tokens;
    public int Slices;
}
