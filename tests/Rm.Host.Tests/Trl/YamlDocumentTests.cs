using Rm.Formats;
using Rm.Host.Trl;

namespace Rm.Host.Tests.Trl;

/// <summary>Values as PyYAML's safe_load gives them.</summary>
public sealed class YamlDocumentTests
{
    [Theory]
    [InlineData("5.0e-4", "0.0005")]
    [InlineData("5e-4", "\"5e-4\"")]
    [InlineData("1_000", "1000")]
    [InlineData("-3", "-3")]
    [InlineData(".5", "0.5")]
    [InlineData("yes", "true")]
    [InlineData("Off", "false")]
    [InlineData("yEs", "\"yEs\"")]
    [InlineData("'no'", "\"no\"")]
    [InlineData("~", "null")]
    [InlineData("", "null")]
    [InlineData("[q_proj, v_proj]", "[\"q_proj\",\"v_proj\"]")]
    [InlineData("{num_cycles: 2}", "{\"num_cycles\":2}")]
    [InlineData("!!str 5", "\"5\"")]
    public void Scalars_are_resolved_as_in_YAML_1_1(string yaml, string json) =>
        Assert.Equal(json, Read($"key: {yaml}\n")!["key"]?.ToJsonString() ?? "null");

    [Fact]
    public void Mappings_lists_and_aliases_are_read() => Assert.Equal(
        """{"datasets":[{"path":"a","columns":["chosen"]},{"path":"b","columns":["chosen"]}]}""",
        Read("datasets:\n  - path: a\n    columns: &c [chosen]\n  - path: b\n    columns: *c\n")!.ToJsonString());

    [Theory]
    [InlineData("a: 1\na: 2\n", "line 2: 'a' stands there twice")]
    [InlineData("a: [1\n", "is not valid YAML")]
    [InlineData("a: *b\n", "line 1: *b stands for nothing")]
    [InlineData("a: 1\n---\nb: 2\n", "a second document")]
    [InlineData("[x]: 1\n", "a key must be a name")]
    public void What_cannot_be_read_is_said_with_its_line(string yaml, string message) =>
        Assert.Contains(message, Assert.Throws<UserInputException>(() => Read(yaml)).Message, StringComparison.Ordinal);

    [Fact]
    public void Copies_of_copies_have_a_bound()
    {
        string yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            + string.Concat(
                Enumerable.Range(1, 9).Select(i => $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));
        Assert.Contains("too many values", Assert.Throws<UserInputException>(() => Read(yaml)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "too deeply", Assert.Throws<UserInputException>(() => Read(new string('[', 200))).Message, StringComparison.Ordinal);
    }

    private static System.Text.Json.Nodes.JsonNode? Read(string yaml) => YamlDocument.Parse(new StringReader(yaml), "test.yaml");
}
