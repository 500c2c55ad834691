namespace Rm.Formats;

/// <summary>
/// Bad usage or bad input: the message names the file, line or field and says what to do.
/// The command line prints the message alone, without a stack trace, and exits with code 2.
/// </summary>
public class UserInputException : Exception
{
    /// <summary>An error with its message.</summary>
    public UserInputException(string message) : base(message)
    {
    }

    /// <summary>An error with its message and the exception behind it.</summary>
    public UserInputException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
