namespace Rm.Formats.Hub;

/// <summary>A request that failed in a way that may not happen again.</summary>
internal sealed class HubTransferException(string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>How long the server asks to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether so much arrived before the failure that the count of attempts starts again.</summary>
    public bool MadeProgress { get; init; }

    /// <summary>Whether trying again soon is pointless: a name that does not resolve, a certificate that does not fit.</summary>
    public bool IsLasting { get; init; }
}
