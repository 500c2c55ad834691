namespace Rm.Host.Options;

/// <summary>Exit codes of btrm.</summary>
internal static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Success = 0;

    /// <summary>Failed while running.</summary>
    public const int Failed = 1;

    /// <summary>Bad usage or bad input.</summary>
    public const int BadInput = 2;

    /// <summary>Stopped by a signal, with a checkpoint to resume from (EX_TEMPFAIL, what Slurm scripts requeue on).</summary>
    public const int Interrupted = 75;
}
