namespace Rm.Training.Model;

/// <summary>
/// The linear maps of a decoder layer, each of which can have a LoRA adapter: seven, or four where a family stores queries, keys and values as
/// one, and gates and ups as one.
/// </summary>
public enum LinearModule
{
    /// <summary>Query projection.</summary>
    Q,

    /// <summary>Key projection.</summary>
    K,

    /// <summary>Value projection.</summary>
    V,

    /// <summary>Output projection of attention.</summary>
    O,

    /// <summary>MLP gate.</summary>
    Gate,

    /// <summary>MLP up projection.</summary>
    Up,

    /// <summary>MLP down projection.</summary>
    Down,

    /// <summary>Query, key and value projections in one tensor, in this order (Phi-3).</summary>
    Qkv,

    /// <summary>Gate and up projections in one tensor, in this order (Phi-3).</summary>
    GateUp,
}
