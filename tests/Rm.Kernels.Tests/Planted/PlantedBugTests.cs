using System.Text.RegularExpressions;
using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Planted;

/// <summary>
/// Mistakes planted in the kernels, one at a time: each must make a test fail on the emulator. All of them take about eight minutes and are
/// run by <c>./build.sh test --planted [FAMILY,...]</c>; a few are always run.
/// </summary>
public sealed partial class PlantedBugTests : IDisposable
{
    private static readonly TimeSpan TestLimit = TimeSpan.FromMinutes(5);

    private readonly ScratchFolder _scratch = new();

    public static TheoryData<string> Names { get; } = [.. PlantedBug.All.Keys];

    public static TheoryData<string> QuickNames { get; } =
        [.. PlantedBug.All.Where(static bug => bug.Value.Quick).Select(static bug => bug.Key)];

    /// <summary>All, or those of the families that <c>BTRM_PLANTED</c> names.</summary>
    public static TheoryData<string> ChosenNames { get; } =
        [.. CaseFilter.Select(PlantedBug.All.Keys, Environment.GetEnvironmentVariable("BTRM_PLANTED"))];

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void A_bug_can_still_be_planted_and_has_cases(string name)
    {
        Assert.SkipUnless(Directory.Exists(PlantedBug.KernelFolder), "needs the kernels' sources");
        PlantedBug bug = PlantedBug.All[name];
        Assert.NotEqual(File.ReadAllText(Path.Combine(PlantedBug.KernelFolder, bug.File)), bug.PatchedText());
        Assert.All(bug.Cases.Split(','), beginning => Assert.NotEmpty(CaseFilter.Select(ConformanceTests.Cases.Keys, beginning)));
    }

    [Fact]
    public void Every_kernel_file_has_a_planted_bug()
    {
        IEnumerable<string> without = KernelSources.Embedded.Units.Keys.Except(PlantedBug.All.Values.SelectMany(static bug => bug.Units));
        Assert.True(
            !without.Any(), $"no bug in Planted/bugs.json for {string.Join(", ", without)}: add a few, and see that a case notices them");
    }

    [Fact]
    public void Without_a_bug_the_tests_pass()
    {
        PlantedLibrary.Require();
        Outcome outcome = RunTests(PlantedLibrary.Build(null, _scratch.Path), "*CudaConformanceTests", "swiglu");
        Assert.True(outcome is { Code: 0, Total: > 0, Failed: 0 }, outcome.Output);
    }

    [Theory]
    [MemberData(nameof(QuickNames))]
    public void A_planted_bug_makes_a_test_fail(string name) => AssertFound(name);

    [Theory(Explicit = true)]
    [MemberData(nameof(ChosenNames))]
    public void Every_planted_bug_makes_a_test_fail(string name) => AssertFound(name);

    private void AssertFound(string name)
    {
        PlantedLibrary.Require();
        PlantedBug bug = PlantedBug.All[name];
        Outcome outcome = RunTests(PlantedLibrary.Build(bug, _scratch.Path), bug.Tests, bug.Cases);

        // A run that ends in another way than by failing tests proves nothing.
        Assert.True(outcome is { Code: not 0, Failed: > 0 }, $"{name}: survived\n{outcome.Output}");
        Console.WriteLine($"planted | {bug.Family} | {bug.Name} | {outcome.Failed} of {outcome.Total} cases | {Reason(outcome.Output)} |");
    }

    private static Outcome RunTests(string library, string tests, string cases)
    {
        string program = Environment.ProcessPath!;
        string[] start = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [typeof(PlantedBugTests).Assembly.Location] : [];
        (int code, string output) = ChildProcess.Run(
            program, [.. start, "-class", tests, "-noColor"],
            new Dictionary<string, string> { [CudaLibraries.DriverVariable] = library, [CaseFilter.Variable] = cases }, TestLimit);
        Match summary = Summary().Match(output);
        return summary.Success
            ? new Outcome(code, output, int.Parse(summary.Groups[1].Value), int.Parse(summary.Groups[2].Value))
            : new Outcome(code, output, 0, 0);
    }

    // What the first failed test saw: the line after its name.
    private static string Reason(string output) =>
        output.Split('\n').SkipWhile(static line => !line.Contains("[FAIL]", StringComparison.Ordinal)).Skip(1).FirstOrDefault("").Trim();

    [GeneratedRegex(@"Total: (\d+), Errors: \d+, Failed: (\d+)")]
    private static partial Regex Summary();

    private sealed record Outcome(int Code, string Output, int Total, int Failed);
}
