using System.Text.RegularExpressions;

namespace Rm.Host.Tests.Repository;

/// <summary>docs/shapes.md gives every letter of a shape its one meaning; the operations use no other.</summary>
public sealed partial class ShapeLetterTests
{
    [Fact]
    public void Shapes_of_operations_use_the_letters_of_the_glossary()
    {
        HashSet<string> known = [.. TableRow().Matches(RepositoryFiles.Read("docs/shapes.md"))
            .SelectMany(row => row.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries))];
        Assert.Contains("Out", known);
        var unknown = new List<string>();
        int shapes = 0;
        foreach (string file in RepositoryFiles.Under("src/Kernels/Ops", ".cs"))
        {
            foreach (Match shape in Shape().Matches(RepositoryFiles.Read(file)))
            {
                shapes++;
                unknown.AddRange(
                    Letter().Matches(shape.Groups[1].Value).Select(letter => letter.Value).Where(letter => !known.Contains(letter))
                    .Select(letter => $"{file}: {shape.Value} uses {letter}"));
            }
        }

        Assert.True(shapes > 50, $"only {shapes} shapes were found");
        Findings.None(unknown);
    }

    [GeneratedRegex(@"^\| ([A-Za-z, ]+) \| (?!Meaning)", RegexOptions.Multiline)]
    private static partial Regex TableRow();

    [GeneratedRegex(@"<c>\[([^\]]*)\]</c>")]
    private static partial Regex Shape();

    // A letter or two, or In and Out; words such as "rows" speak for themselves, and so do names of members.
    [GeneratedRegex(@"\b(?:[A-Za-z]|In|Out)\b")]
    private static partial Regex Letter();
}
