using System.Security.Cryptography;
using System.Text;
using Rm.Formats;

namespace Rm.Host.Reporting.Html;

/// <summary>
/// The pages of a run, or of a folder of runs, by their addresses. There are exactly these addresses; none of them is used as a path of a
/// file.
/// </summary>
/// <param name="folder">Run or folder of runs.</param>
internal sealed class ReportSite(string folder)
{
    private const string PageName = "report.html";
    private const string DataName = "data.json";

    private readonly Dictionary<string, Answer> _cache = new(StringComparer.Ordinal);

    /// <summary>An answer: what it is, its bytes and a tag that changes with them.</summary>
    internal sealed record Answer(string ContentType, byte[] Content, string Tag);

    /// <summary>
    /// The answer to an address such as <c>/</c>, <c>/data.json</c> or <c>/NAME/report.html</c>; null when there is none. Throws
    /// <see cref="UserInputException"/> when a file of the run is missing or damaged.
    /// </summary>
    public Answer? Find(string path)
    {
        string[] parts = path.Split('/')[1..];
        string[] runs = RunData.IsRun(folder) ? [] : [.. SweepJson.RunsIn(folder)];
        if (parts is [var own])
        {
            return own is "" or PageName or DataName ? Own(runs, own == DataName) : null;
        }

        return parts is [var name, (PageName or DataName) and var file]
            && Array.Find(runs, run => RunData.NameOf(run) == Uri.UnescapeDataString(name)) is { } found
            ? Made(found, [found], file == DataName, () => Run(found))
            : null;
    }

    private Answer Own(string[] runs, bool data)
    {
        if (RunData.IsRun(folder))
        {
            return Made(folder, [folder], data, () => Run(folder));
        }

        string title = RunData.NameOf(folder);
        return runs.Length > 0
            ? Made(folder, runs, data, () =>
                HtmlPage.Json(w => SweepJson.Write(w, title, runs, run => $"./{Uri.EscapeDataString(RunData.NameOf(run))}/{PageName}")))
            : throw new UserInputException($"{folder}: holds no run yet.");
    }

    private static byte[] Run(string path)
    {
        var run = RunData.Read(path);
        return HtmlPage.Json(w => RunJson.Write(w, run));
    }

    // Reading a long log for every question of every open page would be a waste: files that have not changed give the same answer.
    private Answer Made(string about, IReadOnlyList<string> from, bool data, Func<byte[]> json)
    {
        lock (_cache)
        {
            return MadeOnce(about, from, data, json);
        }
    }

    private Answer MadeOnce(string about, IReadOnlyList<string> from, bool data, Func<byte[]> json)
    {
        string key = $"{about}\n{data}";
        string tag = TagOf(string.Join('\n', from.Select(run => $"{run}:{new RunFiles(run).State()}")));
        if (_cache.TryGetValue(key, out Answer? cached) && cached.Tag == tag)
        {
            return cached;
        }

        byte[] content = json();
        Answer answer = data
            ? new Answer("application/json; charset=utf-8", content, tag)
            : new Answer("text/html; charset=utf-8", HtmlPage.Compose(RunData.NameOf(about), content, live: true), tag);
        _cache[key] = answer;
        return answer;
    }

    private static string TagOf(string state) =>
        $"\"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(state)).AsSpan(0, 12))}\"";
}
