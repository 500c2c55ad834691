namespace Rm.Training.Model;

/// <summary>
/// A micro-batch that cannot be made smaller does not fit into the device's memory. Parameters are those of the last complete step.
/// </summary>
/// <param name="message">What does not fit, and what would.</param>
/// <param name="innerException">What the device said.</param>
public sealed class MemoryExhaustedException(string message, Exception innerException) : Exception(message, innerException);
