using System.Runtime.InteropServices;

namespace Rm.Training.Loop;

/// <summary>
/// Turns SIGTERM, SIGINT and SIGUSR1 (what Slurm sends before a time limit) into a request that the training loop reads between steps.
/// A second SIGINT ends the process at once.
/// </summary>
public sealed class StopSignals : IDisposable
{
    // Number of SIGUSR1 on Linux; raw numbers are allowed where PosixSignal has no name.
    private const PosixSignal SigUsr1 = (PosixSignal)10;

    private readonly List<PosixSignalRegistration> _registrations = [];
    private volatile string? _received;

    /// <summary>Begins to listen.</summary>
    public StopSignals()
    {
        Register(PosixSignal.SIGTERM, "SIGTERM");
        Register(PosixSignal.SIGINT, "SIGINT");
        if (OperatingSystem.IsLinux())
        {
            Register(SigUsr1, "SIGUSR1");
        }
    }

    /// <summary>Name of the signal received, or null.</summary>
    public string? Received => _received;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }
    }

    /// <summary>Asks for the end of the run as the named signal does.</summary>
    internal void Receive(string signal) => _received = signal;

    private void Register(PosixSignal signal, string name) => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
    {
        bool again = _received is not null && signal == PosixSignal.SIGINT;
        context.Cancel = !again;
        Receive(name);
    }));
}
