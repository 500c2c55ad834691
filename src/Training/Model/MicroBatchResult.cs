namespace Rm.Training.Model;

/// <summary>What a micro-batch of n pairs gave.</summary>
/// <param name="Rewards">Chosen and rejected reward of each pair in turn, 2n values.</param>
/// <param name="Losses">Each pair's share of the batch's loss, n values.</param>
public sealed record MicroBatchResult(float[] Rewards, float[] Losses);

/// <summary>Optional per-pair inputs of the loss.</summary>
/// <param name="Margins">Margin of each pair, or null for none.</param>
/// <param name="Weights">Weight of each pair, or null for ones.</param>
public sealed record PairTargets(float[]? Margins, float[]? Weights);
