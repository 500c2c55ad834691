namespace Rm.Host.Tests.Experiments;

/// <summary>
/// A shell script that plays a command of the system: it lies in <c>bin/</c> of the scratch folder, which a test puts in front of the PATH.
/// </summary>
internal static class FakeProgram
{
    /// <summary>Writes it; <c>{0}</c> in the body stands for the scratch folder.</summary>
    public static void Write(ScratchFolder scratch, string name, string body)
    {
        string path = scratch.Write($"bin/{name}", $"#!/bin/sh\n{body.Replace("{0}", scratch.Path, StringComparison.Ordinal)}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>The PATH with the folder of these programs in front.</summary>
    public static string Path(ScratchFolder scratch) => $"{scratch["bin"]}:{Environment.GetEnvironmentVariable("PATH")}";
}
