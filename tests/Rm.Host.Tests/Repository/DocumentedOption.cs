using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Rm.Host.Tests.Repository;

/// <summary>A row of docs/command-line.md, or an option of the program: name and default value ("" without one).</summary>
internal sealed partial record DocumentedOption(string Name, string Default)
{
    /// <summary>Rows such as "| `--lr RATE` | 5e-5 | peak learning rate |".</summary>
    public static IEnumerable<DocumentedOption> InTables(string markdown) =>
        TableRow().Matches(markdown).Select(row => new DocumentedOption(row.Groups[1].Value, Plain(row.Groups[2].Value.Trim())));

    /// <summary>The options of a command and of all commands below it, but for help, version and debug, which every command has.</summary>
    public static IEnumerable<(string Command, DocumentedOption Option)> InProgram(Command command) =>
        command.Options.Where(o => o.Name is not ("--help" or "--version" or "--debug"))
            .Select(o => (command.Name, new DocumentedOption(o.Name, DefaultOf(o))))
            .Concat(command.Subcommands.SelectMany(InProgram));

    private static string DefaultOf(Option option) =>
        option.ValueType == typeof(bool) || !option.HasDefaultValue
            ? ""
            : Plain(Convert.ToString(option.GetDefaultValue(), CultureInfo.InvariantCulture) ?? "");

    // 5e-5 and 5E-05 are the same number.
    private static string Plain(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            ? number.ToString("R", CultureInfo.InvariantCulture)
            : value;

    [GeneratedRegex(@"^\| `(--[a-z0-9-]+)[^`]*` \|([^|]*)\|", RegexOptions.Multiline)]
    private static partial Regex TableRow();
}
