using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// What became of each case, a line as it happens, in the file that <c>BTRM_TEST_LEDGER</c> names: <c>start</c>, then <c>pass</c>,
/// <c>fail</c> or <c>fault</c>, a tab, the case, and of a failure its message. After a fault no call of the process succeeds on a GPU, so
/// the process ends with <see cref="FaultExitCode"/>; the next one leaves out what the ledger has, and so the others keep their results. A
/// case that is started and no more ended its process in another way.
/// </summary>
internal static class CaseLedger
{
    /// <summary>Exit code of a process that cannot go on.</summary>
    public const int FaultExitCode = 86;

    private static readonly string? File = Environment.GetEnvironmentVariable("BTRM_TEST_LEDGER");

    // A case that is made to fault, to try all this.
    private static readonly string? Planted = Environment.GetEnvironmentVariable("BTRM_TEST_FAULT");

    /// <summary>The cases that are asked for (<see cref="CaseFilter"/>) and that the ledger does not have.</summary>
    /// <param name="kind">What they are run with; part of their titles.</param>
    /// <param name="names">The cases.</param>
    public static IEnumerable<string> Remaining(string kind, IEnumerable<string> names)
    {
        HashSet<string> done = File is null || !System.IO.File.Exists(File)
            ? []
            : [.. System.IO.File.ReadLines(File).Select(static line => line.Split('\t')).Where(static fields => fields.Length > 1)
                .Select(static fields => fields[1])];
        return CaseFilter.Select(names, Environment.GetEnvironmentVariable(CaseFilter.Variable))
            .Where(name => !done.Contains(Title(kind, name)));
    }

    /// <summary>Runs a case and keeps what became of it.</summary>
    public static void Run(string kind, string name, Action run)
    {
        string title = Title(kind, name);
        Note("start", title);
        try
        {
            if (title == Planted)
            {
                Fault.Cause();
            }

            run();
            Note("pass", title);
        }
        catch (Exception failure)
        {
            bool sticky = IsSticky(failure);
            Note(sticky ? "fault" : "fail", $"{title}\t{failure.Message.ReplaceLineEndings(" ")}");
            if (sticky && File is not null)
            {
                Environment.Exit(FaultExitCode);
            }

            throw;
        }
    }

    private static bool IsSticky(Exception failure) => failure is CudaException
    {
        Result: CudaResult.IllegalAddress or CudaResult.LaunchTimeout
        or CudaResult.Assert or CudaResult.IllegalInstruction or CudaResult.MisalignedAddress or CudaResult.LaunchFailed
        or CudaResult.EccUncorrectable
    };

    private static string Title(string kind, string name) => $"{kind}: {name}";

    private static void Note(string what, string title)
    {
        if (File is not null)
        {
            System.IO.File.AppendAllText(File, $"{what}\t{title}\n");
        }
    }
}
