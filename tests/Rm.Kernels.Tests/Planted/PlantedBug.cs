using System.Text.Json;

namespace Rm.Kernels.Tests.Planted;

/// <summary>A mistake to plant in a kernel, and the tests that must notice it. <c>bugs.json</c> lists them.</summary>
/// <param name="Family">The operation.</param>
/// <param name="Name">What the mistake is.</param>
/// <param name="File">File below native/cuda.</param>
/// <param name="Find">Text that occurs once in the file.</param>
/// <param name="Replacement">What takes its place.</param>
/// <param name="Cases">Beginnings of the names of the cases that are run (<see cref="Conformance.CaseFilter"/>).</param>
/// <param name="Units">The .cu files that are compiled again.</param>
/// <param name="Tests">The test class.</param>
/// <param name="Quick">Whether it is planted in every run of the tests.</param>
internal sealed record PlantedBug(
    string Family, string Name, string File, string Find, string Replacement, string Cases, IReadOnlyList<string> Units, string Tests,
    bool Quick)
{
    private const string DefaultTests = "*CudaConformanceTests";

    /// <summary>All of them, by "family: name".</summary>
    public static IReadOnlyDictionary<string, PlantedBug> All { get; } = Read().ToDictionary(static bug => bug.ToString());

    public static string KernelFolder => Path.Combine(TestPaths.Repository, "native", "cuda");

    /// <summary>The file with the mistake in it.</summary>
    public string PatchedText()
    {
        string text = System.IO.File.ReadAllText(Path.Combine(KernelFolder, File));
        Assert.Equal(2, text.Split(Find).Length);
        return text.Replace(Find, Replacement, StringComparison.Ordinal);
    }

    public override string ToString() => $"{Family}: {Name}";

    private static IEnumerable<PlantedBug> Read()
    {
        using Stream stream = typeof(PlantedBug).Assembly.GetManifestResourceStream("bugs.json")!;
        using var document = JsonDocument.Parse(stream);
        foreach (JsonElement bug in document.RootElement.EnumerateArray())
        {
            string Text(string name) => bug.GetProperty(name).GetString()!;
            yield return new PlantedBug(
                Text("family"), Text("name"), Text("file"), Text("find"), Text("replace"), Text("cases"),
                bug.TryGetProperty("units", out JsonElement units)
                    ? [.. units.EnumerateArray().Select(static unit => unit.GetString()!)]
                    : [Text("file")],
                bug.TryGetProperty("tests", out JsonElement tests) ? tests.GetString()! : DefaultTests,
                bug.TryGetProperty("quick", out JsonElement quick) && quick.GetBoolean());
        }
    }
}
