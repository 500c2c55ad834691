using System.CommandLine;
using Rm.Formats;

namespace Rm.Host.Options;

/// <summary>Messages for command lines that do not parse; unknown names come with the nearest known one.</summary>
internal static class UsageErrors
{
    /// <summary>All errors of a parse in one exception.</summary>
    public static UserInputException Describe(ParseResult result)
    {
        Command command = result.CommandResult.Command;
        List<string> known = [.. OptionsOf(command).Select(o => o.Name)];
        var messages = new List<string>();
        foreach (string token in result.UnmatchedTokens.Where(t => t.StartsWith('-') && t.Length > 1))
        {
            string name = token.Split('=', 2)[0];
            messages.Add($"unknown option {name}{NameSuggestion.DidYouMean(name, known)}");
        }

        if (messages.Count == 0)
        {
            foreach (string token in result.UnmatchedTokens)
            {
                messages.Add(command.Subcommands.Count > 0
                    ? $"unknown command '{token}'{NameSuggestion.DidYouMean(token, command.Subcommands.Select(c => c.Name))}"
                    : $"unexpected argument '{token}'");
            }
        }

        if (messages.Count == 0)
        {
            messages.AddRange(result.Errors.Select(e => e.Message.TrimEnd('.')).Distinct(StringComparer.Ordinal));
        }

        string path = command is RootCommand ? "btrm" : $"btrm {command.Name}";
        return new UserInputException($"{string.Join("; ", messages)}. See {path} --help.");
    }

    private static IEnumerable<Option> OptionsOf(Command command) =>
        command.Options.Concat(command.Parents.OfType<Command>().SelectMany(p => p.Options.Where(o => o.Recursive)));
}
