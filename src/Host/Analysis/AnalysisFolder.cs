using System.Text;
using Rm.Formats;
using Rm.Formats.Files;

namespace Rm.Host.Analysis;

/// <summary>Writes an analysis into a folder: Markdown, JSON and four tables of CSV.</summary>
public static class AnalysisFolder
{
    /// <summary>Writes all files, replacing those of an earlier analysis. Throws <see cref="SaveFailedException"/>.</summary>
    public static void Write(string folder, AnalysisReport report)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserInputException($"--output {folder}: cannot be created ({e.Message}).", e);
        }

        AtomicFile.Write(Path.Combine(folder, "analysis.json"), AnalysisJson.Write(report));
        foreach ((string name, string text) in new[]
        {
            ("analysis.md", AnalysisMarkdown.Write(report)), ("runs.csv", AnalysisCsv.Runs(report)),
                ("groups.csv", AnalysisCsv.Groups(report)),
            ("comparisons.csv", AnalysisCsv.Comparisons(report)), ("reliability.csv", AnalysisCsv.Reliability(report)),
        })
        {
            AtomicFile.Write(Path.Combine(folder, name), Encoding.UTF8.GetBytes(text));
        }
    }
}
