using System.Net.Http.Headers;

namespace Rm.Formats.Hub;

/// <summary>How long to wait before a request is repeated.</summary>
internal static class RetryDelay
{
    private const int MostGrowth = 30;
    private static readonly TimeSpan MostAsked = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Doubles with every failure; up to half is taken off at random, so that the tasks of a job array do not come back together. What the
    /// server asks for counts instead, up to five minutes.
    /// </summary>
    public static TimeSpan Of(int failures, TimeSpan first, TimeSpan? asked)
    {
        if (asked is { } time)
        {
            return time < MostAsked ? time : MostAsked;
        }

        double growth = Math.Min(Math.Pow(2, failures - 1), MostGrowth);
        return first * growth * (1 - (0.5 * Random.Shared.NextDouble()));
    }

    /// <summary>The wait that a Retry-After header asks for, or null.</summary>
    public static TimeSpan? Asked(RetryConditionHeaderValue? header)
    {
        TimeSpan? time = header?.Delta ?? (header?.Date is { } date ? date - DateTimeOffset.UtcNow : null);
        return time is { } t ? (t > TimeSpan.Zero ? t : TimeSpan.Zero) : null;
    }
}
