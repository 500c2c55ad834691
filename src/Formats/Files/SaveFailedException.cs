namespace Rm.Formats.Files;

/// <summary>
/// A save that did not reach the disk (full, read-only, failing). The message names the path; an earlier save is untouched.
/// </summary>
public sealed class SaveFailedException : IOException
{
    private const int NoSpaceLeft = 28; // ENOSPC
    private const int QuotaExceeded = 122; // EDQUOT on Linux
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    /// <summary>An error with its message.</summary>
    public SaveFailedException(string message) : base(message)
    {
    }

    /// <summary>An error with its message and the exception behind it.</summary>
    public SaveFailedException(string message, Exception? innerException) : base(message, innerException)
    {
    }

    /// <summary>True for the errors of a full disk or an exhausted quota.</summary>
    internal static bool IsDiskFull(Exception e) => e is IOException && e.HResult is NoSpaceLeft or QuotaExceeded or WindowsDiskFull;
}
