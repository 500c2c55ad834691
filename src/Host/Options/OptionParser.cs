using System.CommandLine;
using System.CommandLine.Parsing;
using Rm.Formats;

namespace Rm.Host.Options;

/// <summary>Reads a command line together with the configuration file and the preset that it names.</summary>
internal static class OptionParser
{
    // A value may begin with '@' (a prompt, say): it is not a file of further arguments, which --config is for.
    /// <summary>How words are read.</summary>
    public static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    /// <summary>How commands are run: what they throw is reported here, signals are their own affair.</summary>
    public static InvocationConfiguration Invocation => new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };

    /// <summary>
    /// Parses arguments with what a configuration file and a preset add to them: the command line goes before the file, and the file before
    /// the preset. Throws <see cref="UserInputException"/>.
    /// </summary>
    public static ParseResult Parse(RootCommand root, string[] args)
    {
        ParseResult result = root.Parse(args, Parsing);
        if (ConfigFile.PathIn(result) is { } path)
        {
            args = ConfigFile.Merge(path, result, args);
            result = root.Parse(args, Parsing);
        }

        // Help and version are actions that the library answers before errors count.
        if (AsksForHelp(result))
        {
            return result;
        }

        if (result.Errors.Count == 0 && Preset.In(result) is { } preset)
        {
            result = root.Parse(preset.Merge(result, args), Parsing);
        }

        return result.Errors.Count == 0 ? result : throw UsageErrors.Describe(result);
    }

    private static bool AsksForHelp(ParseResult result) =>
        result.Tokens.Any(t => t.Type == TokenType.Option && t.Value is "--help" or "-h" or "-?" or "/?" or "--version");
}
