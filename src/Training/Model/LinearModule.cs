namespace Rm.Training.Model;

/// <summary>The seven linear maps of a decoder layer, each of which can have a LoRA adapter.</summary>
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
}
