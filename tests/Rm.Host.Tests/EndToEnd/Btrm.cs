using Rm.Host.Cli;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>What a command gave.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error);

/// <summary>Runs btrm's command line: in this process, which is fast, or as a process of its own, which can be killed.</summary>
internal static class Btrm
{
    /// <summary>Runs a command in this process.</summary>
    public static CommandResult Run(params string[] arguments)
    {
        CommandResult? result = null;

        // A flow of its own, so that the collected console ends with the command.
        Task.Run(() =>
        {
            using StringWriter output = RoutedConsole.Output.Collect();
            using StringWriter error = RoutedConsole.Error.Collect();
            int code = CommandLine.Run(arguments);
            result = new CommandResult(code, output.ToString(), error.ToString());
        }).GetAwaiter().GetResult();
        return result!;
    }

    /// <summary>Runs a command that must succeed.</summary>
    public static CommandResult Succeed(params string[] arguments)
    {
        CommandResult result = Run(arguments);
        Assert.True(result.ExitCode == 0, $"btrm {string.Join(' ', arguments)}\nexit {result.ExitCode}\n{result.Error}");
        return result;
    }

    /// <summary>Runs a command that must fail with a code and a message that holds every one of <paramref name="fragments"/>.</summary>
    public static CommandResult Fail(int code, string[] arguments, params string[] fragments)
    {
        CommandResult result = Run(arguments);
        Assert.True(
            result.ExitCode == code, $"btrm {string.Join(' ', arguments)}\nexit {result.ExitCode} instead of {code}\n{result.Error}");
        AssertMessage(result, fragments);
        return result;
    }

    /// <summary>The error is one message for people: it holds the fragments, no stack trace and no name of a .NET type.</summary>
    public static void AssertMessage(CommandResult result, params string[] fragments)
    {
        Assert.Contains("btrm: ", result.Error, StringComparison.Ordinal);
        foreach (string fragment in fragments)
        {
            Assert.Contains(fragment, result.Error, StringComparison.Ordinal);
        }

        foreach (string leak in new[] { "   at ", "Exception", "System.", "Unexpected error" })
        {
            Assert.DoesNotContain(leak, result.Error, StringComparison.Ordinal);
        }
    }

    /// <summary>Starts a process.</summary>
    public static BtrmProcess Start(params string[] arguments) => new(arguments);

    /// <summary>Runs a process to its end.</summary>
    public static CommandResult RunProcess(params string[] arguments)
    {
        using BtrmProcess process = Start(arguments);
        return process.Wait();
    }
}
