namespace Rm.Kernels.Tests.Conformance;

/// <summary>
/// The cases that <c>BTRM_TEST_CASES</c> asks the CUDA tests for: beginnings of names, separated by commas; all cases without it. Planted
/// bugs and memory checkers, which are slow, look at a few cases each.
/// </summary>
internal static class CaseFilter
{
    public const string Variable = "BTRM_TEST_CASES";

    public static IEnumerable<string> Select(IEnumerable<string> names, string? beginnings)
    {
        if (string.IsNullOrEmpty(beginnings))
        {
            return names;
        }

        string[] wanted = beginnings.Split(',');
        return names.Where(name => wanted.Any(beginning => name.StartsWith(beginning, StringComparison.Ordinal)));
    }
}
