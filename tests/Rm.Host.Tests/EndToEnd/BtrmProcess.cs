using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>A process of btrm, ended with the test at the latest.</summary>
internal sealed partial class BtrmProcess : IDisposable
{
    public const int SigInt = 2;
    public const int SigKill = 9;
    public const int SigUsr1 = 10;
    public const int SigTerm = 15;

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();

    public BtrmProcess(IEnumerable<string> arguments, string? shellPrefix = null)
    {
        string assembly = Path.Combine(AppContext.BaseDirectory, "btrm.dll");
        var start = new ProcessStartInfo { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        if (shellPrefix is null)
        {
            start.FileName = Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";
            start.ArgumentList.Add(assembly);
        }
        else
        {
            start.FileName = "/bin/bash";
            start.ArgumentList.Add("-c");
            start.ArgumentList.Add($"{shellPrefix} exec dotnet '{assembly}' \"$@\"");
            start.ArgumentList.Add("btrm");
        }

        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, e) => Append(_output, e.Data);
        _process.ErrorDataReceived += (_, e) => Append(_error, e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public bool HasExited => _process.HasExited;

    public string Output => Text(_output);

    public string Error => Text(_error);

    /// <summary>Sends a signal; nothing when the process has ended.</summary>
    public void Signal(int signal)
    {
        if (!_process.HasExited)
        {
            _ = Kill(_process.Id, signal);
        }
    }

    /// <summary>Waits for the end.</summary>
    public CommandResult Wait()
    {
        _process.WaitForExit();
        return new CommandResult(_process.ExitCode, Output, Error);
    }

    /// <summary>Waits until a condition holds or the process has ended; false in the second case.</summary>
    public bool WaitFor(Func<bool> condition)
    {
        while (!condition())
        {
            if (_process.HasExited)
            {
                return false;
            }

            Thread.Sleep(1);
        }

        return !_process.HasExited;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    private static void Append(StringBuilder text, string? line)
    {
        lock (text)
        {
            text.AppendLine(line);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
