using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Rm.Host.Experiments;

/// <summary>
/// A training process of a sweep. What it prints is added to the run's log.txt; its exit code goes to the run's exit-code file. Should the
/// sweep itself be killed, its processes go on, without a log; the next sweep finds them running and leaves them alone.
/// </summary>
internal sealed partial class ChildRun : IDisposable
{
    private const int SigTerm = 15;

    private readonly PlannedRun _run;
    private readonly Process _process;
    private readonly FileStream _log;
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    private ChildRun(PlannedRun run, Process process, FileStream log)
    {
        _run = run;
        _process = process;
        _log = log;
        Ended = WaitAsync();
    }

    /// <summary>The exit code, when it has ended and all it printed is in the log.</summary>
    public Task<int> Ended { get; }

    /// <summary>Time since the start.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>Starts the run. Throws <see cref="IOException"/> when its folder cannot be written.</summary>
    public static ChildRun Start(PlannedRun run, IEnumerable<string> further)
    {
        Directory.CreateDirectory(run.Folder);
        File.Delete(run.ExitCodeFile);
        var log = new FileStream(run.LogFile, FileMode.Append, FileAccess.Write, FileShare.Read);
        var start = new ProcessStartInfo(SelfCommand.Words[0])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false
        };
        foreach (string word in (string[])[.. SelfCommand.Words.Skip(1), .. run.CommandLine, .. further])
        {
            start.ArgumentList.Add(word);
        }

        try
        {
            Process process = Process.Start(start)!;
            process.StandardInput.Close();
            return new ChildRun(run, process, log);
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            log.Dispose();
            throw new IOException($"{start.FileName} cannot be started ({e.Message}).", e);
        }
    }

    /// <summary>Asks the process to write a checkpoint and to end.</summary>
    public void Stop()
    {
        if (!OperatingSystem.IsWindows() && !_process.HasExited)
        {
            _ = Kill(_process.Id, SigTerm);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Dispose();
        _log.Dispose();
    }

    private async Task<int> WaitAsync()
    {
        await Task.WhenAll(CopyAsync(_process.StandardOutput), CopyAsync(_process.StandardError)).ConfigureAwait(false);
        await _process.WaitForExitAsync().ConfigureAwait(false);
        int code = _process.ExitCode;
        await File.WriteAllTextAsync(_run.ExitCodeFile, code.ToString(CultureInfo.InvariantCulture) + "\n").ConfigureAwait(false);
        return code;
    }

    // Both streams go to one file, a piece at a time: a line on stderr is not cut by one on stdout, for each is written at once.
    private async Task CopyAsync(StreamReader source)
    {
        byte[] buffer = new byte[1 << 14];
        int read;
        while ((read = await source.BaseStream.ReadAsync(buffer).ConfigureAwait(false)) > 0)
        {
            lock (_log)
            {
                _log.Write(buffer, 0, read);
                _log.Flush();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
