using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Rm.Host.Cli;

namespace Rm.Host.Tests.Repository;

/// <summary>The documents must say what the program does: options, defaults, example commands, links.</summary>
public sealed partial class DocumentationTests
{
    private static readonly IReadOnlyList<string> Documents =
        ["README.md", "CONTRIBUTING.md", .. RepositoryFiles.Under("docs", ".md"), .. RepositoryFiles.Under("examples", ".md")];

    [Fact]
    public void The_tables_of_options_have_the_names_and_defaults_of_the_program()
    {
        HashSet<DocumentedOption> documented = [.. DocumentedOption.InTables(RepositoryFiles.Read("docs/command-line.md"))];
        (string Command, DocumentedOption Option)[] real = [.. DocumentedOption.InProgram(CommandLine.Build())];
        Assert.True(real.Length > 80, $"only {real.Length} options found");

        string[] names = [.. documented.Select(o => o.Name)];
        Findings.None(
            real.Where(r => !names.Contains(r.Option.Name)).Select(r => $"{r.Command} {r.Option.Name} is not in docs/command-line.md"));
        Findings.None(real.Where(r => r.Option.Default.Length > 0 && !documented.Contains(r.Option))
            .Select(r => $"{r.Command} {r.Option.Name}: the default {r.Option.Default} is not in docs/command-line.md"));
        Findings.None(documented.Except(real.Select(r => r.Option)).Select(o => $"no command has {o.Name} with default '{o.Default}'"));
    }

    [Fact]
    public void Example_commands_parse()
    {
        RootCommand root = CommandLine.Build();
        string[] commands = [.. Documents.SelectMany(file => CommandsIn(RepositoryFiles.Read(file)))];
        Assert.True(commands.Length >= 10, $"only {commands.Length} commands found");
        Findings.None(commands.Select(command => (command, root.Parse([.. Words(command)]).Errors))
            .Where(c => c.Errors.Count > 0).Select(c => $"{c.command}: {string.Join("; ", c.Errors.Select(e => e.Message))}"));
    }

    [Fact]
    public void Links_between_documents_lead_somewhere()
    {
        Findings.None(Documents.SelectMany(file => Link().Matches(RepositoryFiles.Read(file))
            .Select(match => match.Groups[1].Value.Split('#')[0])
            .Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.Combine(TestPaths.Repository, Path.GetDirectoryName(file)!, target)))
            .Select(target => $"{file}: {target}")));
    }

    [Theory]
    [InlineData("```sh\n./btrm doctor\n```\n", "doctor")]
    [InlineData("```sh\nbtrm data report \\\n    --model X\n```\n", "data report --model X")]
    [InlineData("```sh\nsrun btrm train --lr 1 --resume auto  # again\n```\n", "train --lr 1 --resume auto")]
    public void Commands_are_found_in_code_blocks(string markdown, string command) => Assert.Equal([command], CommandsIn(markdown));

    // A configuration file may hold the model, which is required.
    private static IEnumerable<string> Words(string command) =>
        [.. CommandLineParser.SplitCommandLine(command), .. command.Contains("--config", StringComparison.Ordinal) ? ["--model", "M"]
            : Array.Empty<string>()];

    // Arguments of the btrm calls in shell blocks, continued lines joined, comments cut.
    private static IEnumerable<string> CommandsIn(string markdown) =>
        ShellBlock().Matches(markdown)
            .SelectMany(block => Continuation().Replace(block.Groups[1].Value, " ").Split('\n'))
            .Select(line => Call().Match(line.Split(" #")[0].TrimEnd(' ', '&')))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value.Trim());

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"```(?:sh|bash)\r?\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex ShellBlock();

    [GeneratedRegex(@"\s*\\\r?\n\s*")]
    private static partial Regex Continuation();

    [GeneratedRegex(@"^\s*(?:srun )?(?:\./)?btrm (.*)$")]
    private static partial Regex Call();
}
