using System.Text.Json;
using System.Text.RegularExpressions;
using Rm.Host.Tests.Repository;
using Rm.Host.Trl;

namespace Rm.Host.Tests.Trl;

/// <summary>The table of options against what TRL 1.16's own parser has, and against the document.</summary>
public sealed partial class TrlOptionTableTests
{
    [Fact]
    public void The_table_has_TRLs_options_with_their_groups_kinds_and_defaults()
    {
        using var fields = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestPaths.Golden, "trl", "cli.json")));
        var expected = fields.RootElement.GetProperty("fields").EnumerateArray().Select(field => (
            Group: field.GetProperty("group").GetString()!, Name: field.GetProperty("name").GetString()!,
            Default: JsonSerializer.Serialize(field.GetProperty("default")),
            Kind: Kind(field.GetProperty("name").GetString()!, field.GetProperty("type").GetString()!))).ToList();
        Assert.Equal(153, expected.Count);
        Assert.Equal(expected, TrlOptionTable.All.Select(o => (o.Group, o.Name, Normal(o.Default), o.Kind)));
    }

    [Fact]
    public void The_document_has_the_tables_lines()
    {
        string page = RepositoryFiles.Read("docs/from-trl.md");
        Findings.None(TrlOptionDocument.Lines().Where(line => !page.Contains(line + "\n", StringComparison.Ordinal))
            .Select(line => $"docs/from-trl.md has no line {line}"));
        Findings.None(Row().Matches(page).Select(row => row.Groups[1].Value).Except(TrlOptionTable.All.Select(o => o.Name))
            .Select(name => $"TRL has no option {name}"));
    }

    [Fact]
    public void What_a_text_names_as_btrms_is_an_option_of_btrms()
    {
        HashSet<string> known = [.. DocumentedOption.InProgram(Rm.Host.Cli.CommandLine.Build()).Select(o => o.Option.Name)];
        Findings.None(TrlOptionTable.All.SelectMany(o => Btrms().Matches(o.Text).Select(m => (o.Name, Option: m.Value)))
            .Where(o => !known.Contains(o.Option))
            .Select(o => $"{o.Name}: {o.Option} is not an option of btrm's"));
    }

    // The kinds of values by Python's types; a dictionary may also be the path of a file that holds one.
    private static TrlOptionKind Kind(string name, string type) => type switch
    {
        _ when name == "datasets" => TrlOptionKind.List,
        _ when name is "report_to" or "optim_target_modules" => TrlOptionKind.TextList,
        "list[str]" or "list[str] | None" => TrlOptionKind.TextList,
        _ when type.StartsWith("dict", StringComparison.Ordinal) || type.Contains("ParallelismConfig", StringComparison.Ordinal) =>
            TrlOptionKind.Mapping,
        "<class 'int'>" or "int | None" => TrlOptionKind.Whole,
        "<class 'float'>" or "float | None" => TrlOptionKind.Number,
        "<class 'bool'>" or "bool | None" => TrlOptionKind.Flag,
        _ => TrlOptionKind.Text,
    };

    private static string Normal(string json) => JsonSerializer.Serialize(JsonElement.Parse(json));

    [GeneratedRegex(@"^\| `([a-z0-9_]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("--[a-z]+(-[a-z]+)*")]
    private static partial Regex Btrms();
}
