using System.Security.Cryptography;
using Rm.Host.Tests.Repository;

namespace Rm.Host.Tests.Reporting;

/// <summary>
/// The chart library in the repository is the one that THIRD-PARTY-NOTICES.md names, byte for byte, and its license goes with it.
/// </summary>
public sealed class ThirdPartyTests
{
    private const string Folder = "src/Host/Reporting/Html/assets/uplot";

    [Theory]
    [InlineData("uPlot.iife.min.js")]
    [InlineData("uPlot.min.css")]
    [InlineData("LICENSE")]
    public void Vendored_files_have_the_checksums_of_the_notices(string file)
    {
        string checksum = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(TestPaths.Repository, Folder, file))));
        Assert.Contains($"{checksum}  {file}", RepositoryFiles.Read("THIRD-PARTY-NOTICES.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_notices_hold_the_license()
    {
        static string Words(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(Words(RepositoryFiles.Read($"{Folder}/LICENSE")), Words(RepositoryFiles.Read("THIRD-PARTY-NOTICES.md")),
            StringComparison.Ordinal);
    }
}
