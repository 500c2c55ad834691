namespace Rm.Training.Model;

/// <summary>
/// The linear maps of a decoder layer, each of which can have a LoRA adapter: seven, or four where a family stores queries, keys and values
/// as one, and gates and ups as one. A layer with a gated delta net has five of its own and the MLP's. The router and the experts of a
/// mixture have no adapters.
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

    /// <summary>Queries, keys and values of a gated delta net, before the convolution.</summary>
    DeltaQkv,

    /// <summary>Gate on a gated delta net's output.</summary>
    DeltaZ,

    /// <summary>Writing strength of a gated delta net's heads.</summary>
    DeltaB,

    /// <summary>Decay of a gated delta net's heads.</summary>
    DeltaA,

    /// <summary>Output projection of a gated delta net.</summary>
    DeltaOut,

    /// <summary>Logits by which a mixture chooses experts.</summary>
    Router,

    /// <summary>An expert's gate.</summary>
    ExpertGate,

    /// <summary>An expert's up projection.</summary>
    ExpertUp,

    /// <summary>An expert's down projection.</summary>
    ExpertDown,
}
