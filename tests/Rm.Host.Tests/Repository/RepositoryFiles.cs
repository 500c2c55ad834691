namespace Rm.Host.Tests.Repository;

/// <summary>The repository's own files, without what builds leave behind.</summary>
internal static class RepositoryFiles
{
    private static readonly string[] NotOurs = ["bin", "obj", "out", "artifacts", "TestResults", "BenchmarkDotNet.Artifacts"];

    /// <summary>
    /// Paths under <paramref name="folder"/> relative to the repository, with forward slashes, whose names end in one of <paramref
    /// name="endings"/>.
    /// </summary>
    public static IReadOnlyList<string> Under(string folder, params string[] endings)
    {
        string path = Path.Combine(TestPaths.Repository, folder);
        return Directory.Exists(path) ? [.. Walk(new DirectoryInfo(path), endings).Order(StringComparer.Ordinal)] : [];
    }

    public static string Read(string path) => File.ReadAllText(Path.Combine(TestPaths.Repository, path));

    private static IEnumerable<string> Walk(DirectoryInfo folder, string[] endings)
    {
        foreach (FileInfo file in folder.EnumerateFiles().Where(f => endings.Any(e => f.Name.EndsWith(e, StringComparison.Ordinal))))
        {
            yield return Path.GetRelativePath(TestPaths.Repository, file.FullName).Replace('\\', '/');
        }

        foreach (DirectoryInfo child in folder.EnumerateDirectories().Where(c => c.Name[0] != '.' && !NotOurs.Contains(c.Name)))
        {
            foreach (string file in Walk(child, endings))
            {
                yield return file;
            }
        }
    }
}
