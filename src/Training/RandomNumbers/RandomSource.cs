namespace Rm.Training.RandomNumbers;

/// <summary>Where a run's random start and order come from (<c>--rng</c>).</summary>
public enum RandomSource
{
    /// <summary>btrm's own: every number depends on the seed and its place alone.</summary>
    Btrm,

    /// <summary>The numbers that PyTorch, transformers and PEFT draw from the same seed, in the order in which they draw them.</summary>
    Torch,
}
