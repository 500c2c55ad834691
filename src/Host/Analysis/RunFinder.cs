using Rm.Formats;
using Rm.Training.Loop;

namespace Rm.Host.Analysis;

/// <summary>Finds runs in what a user names: run folders, folders that hold some, files of evaluation rows.</summary>
public static class RunFinder
{
    // A sweep's output, perhaps sorted into folders; a run that far down was not meant.
    private const int DeepestRun = 4;
    private const string LockFile = ".lock";
    private static readonly string[] Marks = [RunDirectory.RunFileName, "metrics.jsonl", "eval-rows", LockFile];

    /// <summary>
    /// Reads every run, each once, with names that tell them apart. Throws <see cref="UserInputException"/> for a path that holds none.
    /// </summary>
    public static IReadOnlyList<RunInput> Read(IReadOnlyList<string> paths)
    {
        var found = new List<(string Path, int NameParts)>();
        foreach (string path in paths)
        {
            foreach ((string Path, int NameParts) run in Find(path))
            {
                if (!found.Any(f => f.Path == run.Path))
                {
                    found.Add(run);
                }
            }
        }

        return [.. found.Zip(
            Names(found), (f, name) => File.Exists(f.Path) ? RunReader.ReadRows(f.Path, name) : RunReader.ReadRun(f.Path, name))];
    }

    private static List<(string Path, int NameParts)> Find(string path)
    {
        string full;
        try
        {
            full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        }
        catch (ArgumentException e)
        {
            throw new UserInputException($"'{path}' is not a path.", e);
        }

        if (File.Exists(full))
        {
            return [(full, 1)];
        }

        if (!Directory.Exists(full))
        {
            throw new UserInputException($"{path}: no such file or folder.");
        }

        if (IsRun(full))
        {
            return [(full, 1)];
        }

        var runs = new List<(string, int)>();
        Walk(full, 1, runs);
        return runs.Count > 0
            ? runs
            : throw new UserInputException(
                $"{path}: holds no run, that is no folder with {RunDirectory.RunFileName}, metrics.jsonl or eval-rows.");
    }

    private static void Walk(string folder, int depth, List<(string, int)> runs)
    {
        string[] children;
        try
        {
            children = [.. Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserInputException($"{folder}: cannot be read ({e.Message}).", e);
        }

        foreach (string child in children.Where(c => Path.GetFileName(c)[0] != '.'))
        {
            if (IsRun(child))
            {
                runs.Add((child, depth));
            }
            else if (depth < DeepestRun)
            {
                Walk(child, depth + 1, runs);
            }
        }
    }

    private static bool IsRun(string folder) => Marks.Any(mark => Path.Exists(Path.Combine(folder, mark)));

    // The last parts of each path, as many as tell it from the others.
    private static string[] Names(List<(string Path, int NameParts)> found)
    {
        string[][] parts = [.. found.Select(f => f.Path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar]))];
        int[] taken = [.. found.Select(f => f.NameParts)];
        while (true)
        {
            string[] names = [.. parts.Zip(taken, (p, k) => string.Join('/', p[^Math.Min(k, p.Length)..]))];
            int[] alike =
                [.. Enumerable.Range(0, names.Length).Where(i => names.Count(n => n == names[i]) > 1 && taken[i] < parts[i].Length)];
            if (alike.Length == 0)
            {
                return names;
            }

            foreach (int i in alike)
            {
                taken[i]++;
            }
        }
    }
}
