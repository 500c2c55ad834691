namespace Rm.Host.Model;

/// <summary>What backward computes again instead of keeping it from forward.</summary>
public enum Recompute
{
    /// <summary>Nothing: every activation is kept.</summary>
    None,

    /// <summary>Whole layers: only their inputs are kept; a third more computation.</summary>
    Full,
}
