namespace Rm.Host.Serving.Models;

/// <summary>What a server takes on.</summary>
internal sealed record ServerLimits
{
    /// <summary>Bytes of a request's body.</summary>
    public long MaxBodyBytes { get; init; } = 16L << 20;

    /// <summary>Texts of a request.</summary>
    public int MaxTexts { get; init; } = 4096;

    /// <summary>Tokens of a request.</summary>
    public int MaxRequestTokens { get; init; } = 1 << 20;

    /// <summary>Tokens that wait; a request that would exceed them is told to come back, unless nothing waits.</summary>
    public long MaxQueueTokens { get; init; } = 1 << 20;

    /// <summary>How long a request may wait and be computed.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary>How long a client may take to send its headers, and to send its body where it sends almost nothing.</summary>
    public TimeSpan SlowClientTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Connections at once.</summary>
    public int MaxConnections { get; init; } = 4096;

    /// <summary>How long a stop waits for what was accepted.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(600);
}
