namespace Rm.PeerOfficial;

/// <summary>One step.</summary>
/// <param name="Seconds">Wall time, the making of the batch included.</param>
/// <param name="Tokens">Tokens that are no padding.</param>
/// <param name="Loss">Mean loss of the pairs before the update.</param>
/// <param name="GradientNorm">Global norm before clipping.</param>
internal sealed record PeerStep(double Seconds, long Tokens, double Loss, double GradientNorm);
