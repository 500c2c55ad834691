namespace Rm.Kernels.Ops;

/// <summary>What a gate goes through before it multiplies.</summary>
public enum GateActivation
{
    /// <summary>x / (1 + exp(-x)): SwiGLU.</summary>
    Silu,

    /// <summary>x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel 2016): GEGLU as Gemma has it.</summary>
    GeluTanh,
}
