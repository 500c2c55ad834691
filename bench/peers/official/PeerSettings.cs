namespace Rm.PeerOfficial;

/// <summary>The options of a run; names and defaults are those of peer_train.py.</summary>
/// <param name="BatchSize">Pairs of a step.</param>
/// <param name="MicroPairs">Pairs computed at once.</param>
/// <param name="Steps">Timed steps.</param>
/// <param name="Warmup">Steps before the clock starts.</param>
/// <param name="LearningRate">AdamW's rate.</param>
/// <param name="LongestSequence">Tokens that a sequence is cut to.</param>
internal sealed record PeerSettings(int BatchSize, int MicroPairs, int Steps, int Warmup, double LearningRate, int LongestSequence);
