namespace Rm.Training.Loop;

/// <summary>A run that cannot go on; the message says why and what is safe. Exit code 1.</summary>
public sealed class TrainingFailedException : Exception
{
    /// <summary>An error with its message.</summary>
    public TrainingFailedException(string message) : base(message)
    {
    }

    /// <summary>An error with its message and the exception behind it.</summary>
    public TrainingFailedException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
