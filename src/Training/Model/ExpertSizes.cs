namespace Rm.Training.Model;

/// <summary>A mixture of experts in an MLP's place.</summary>
/// <param name="Count">Experts E of a layer.</param>
/// <param name="Chosen">Experts k that a token goes through.</param>
/// <param name="Width">Features F of one expert.</param>
/// <param name="Normalizes">Whether a token's weights sum to 1 (norm_topk_prob).</param>
public sealed record ExpertSizes(int Count, int Chosen, int Width, bool Normalizes);
