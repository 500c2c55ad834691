using System.Runtime.InteropServices;
using Rm.Kernels.Tests.Conformance;
using Rm.Kernels.Tests.Planted;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// A case that breaks the context for the rest of its process, as an illegal address does: what bench/gpu-check makes of it, with its own
/// loop and with this program.
/// </summary>
[Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
public sealed class CaseLedgerTests : IDisposable
{
    private const string Cases = "swiglu T=2,rms_norm forward T=5";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_fault_that_lasts_in_one_case_leaves_the_results_of_all_others()
    {
        CudaTest.NeedsEmulator();
        (int code, string note, string[] ledger) = RunCases("whole", planted: "");
        string[] titles = [.. ledger.Where(static line => line.StartsWith("start", StringComparison.Ordinal)).Select(Title)];
        int all = titles.Length;
        Assert.Equal(2 * CaseFilter.Select(ConformanceTests.Cases.Keys, Cases).Count(), all);
        Assert.True(all > 3, note);
        Assert.Equal((0, $"{all} of {all} cases passed, 0 failed, 0 faulted"), (code, note));

        // The second one to start: results from before the fault and from after it.
        string culprit = titles[1];
        (code, note, ledger) = RunCases("faulted", culprit);
        Assert.Equal((1, $"{all - 1} of {all} cases passed, 0 failed, 1 faulted: fault: {culprit}"), (code, note));
        Assert.Equal(
            titles.Where(title => title != culprit).Order(),
            ledger.Where(static line => line.StartsWith("pass", StringComparison.Ordinal)).Select(Title).Order());

        // Without a ledger, in one process, the fault takes all that come after it.
        const string Script = """cd "$1"; "$2/tests/Rm.Kernels.Tests" -class '*CudaConformanceTests' -noColor""";
        (_, string output) = Run("bash", ["-c", Script, "bash", TestPaths.Repository, Programs()], culprit);
        Assert.Contains($"Total: {all}, Errors: 0, Failed: {all - 1},", output, StringComparison.Ordinal);
    }

    private (int Code, string Note, string[] Ledger) RunCases(string name, string planted)
    {
        string work = Directory.CreateDirectory(_scratch[name]).FullName;
        string steps = Path.Combine(TestPaths.Repository, "bench", "gpu-check", "common.sh");
        const string Script = """cd "$1"; tree=$1 programs=$2 work=$3 device=emulated; . "$4"; run_cases CudaConformanceTests""";
        (int code, string output) = Run("bash", ["-c", Script, "bash", TestPaths.Repository, Programs(), work, steps], planted);
        string ledger = Path.Combine(work, "ledger-CudaConformanceTests");
        Assert.True(File.Exists(ledger) && File.ReadAllText(ledger).Length > 0, output);
        return (code, File.ReadAllText(Path.Combine(work, "note")), File.ReadAllLines(ledger));
    }

    private static (int Code, string Output) Run(string program, string[] arguments, string planted) =>
        ChildProcess.Run(
            program, arguments,
            new Dictionary<string, string>
            {
                [CaseFilter.Variable] = Cases,
                ["BTRM_TEST_FAULT"] = planted,
                ["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")),
            },
            Limit);

    // The folder as gpu-check has it, with the programs of the tests in tests/.
    private string Programs()
    {
        string folder = Directory.CreateDirectory(_scratch["programs"]).FullName;
        string link = Path.Combine(folder, "tests");
        if (!Directory.Exists(link))
        {
            Directory.CreateSymbolicLink(link, AppContext.BaseDirectory);
        }

        return folder;
    }

    private static string Title(string line) => line.Split('\t')[1];
}
