using Rm.Formats;
using Rm.Formats.Files;

namespace Rm.Host.Reporting.Html;

/// <summary>Writes pages into files.</summary>
internal static class ReportFiles
{
    /// <summary>Name of a page in the folder that it is about.</summary>
    public const string FileName = "report.html";

    /// <summary>
    /// Writes the page of a run, or the overview of a folder of runs with the page of each, and returns the path of the first. Throws
    /// <see cref="UserInputException"/> when the folder holds neither or a file in it is damaged, <see cref="SaveFailedException"/> when a
    /// page cannot be written.
    /// </summary>
    public static string Write(string folder, string? output)
    {
        string path = output ?? Path.Combine(folder, FileName);
        if (RunData.IsRun(folder))
        {
            WriteRun(folder, path);
            return path;
        }

        IReadOnlyList<string> runs = SweepJson.RunsIn(folder);
        if (runs.Count == 0)
        {
            throw new UserInputException($"{folder}: holds no run (a folder with run.json) and no folders of runs.");
        }

        foreach (string run in runs)
        {
            WriteRun(run, Path.Combine(run, FileName));
        }

        string from = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string title = RunData.NameOf(folder);
        byte[] json =
            HtmlPage.Json(w => SweepJson.Write(w, title, runs, run => Link(Path.GetRelativePath(from, Path.Combine(run, FileName)))));
        AtomicFile.Write(path, HtmlPage.Compose(title, json, live: false));
        return path;
    }

    /// <summary>Writes the page of one run. Errors as above.</summary>
    public static void WriteRun(string folder, string path)
    {
        var run = RunData.Read(folder);
        AtomicFile.Write(path, HtmlPage.Compose(run.Name, HtmlPage.Json(w => RunJson.Write(w, run)), live: false));
    }

    // A relative address: its first part must not read as a scheme.
    private static string Link(string relative) =>
        "./" + string.Join('/', relative.Replace('\\', '/').Split('/').Select(Uri.EscapeDataString));
}
