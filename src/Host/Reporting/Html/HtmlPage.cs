using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Rm.Host.Reporting.Html;

/// <summary>
/// Puts a page together: one file with styles, scripts, the chart library and the data in it, which asks nobody for anything. The content
/// policy allows exactly these scripts and styles by their hashes, so nothing in the data can run even if it got out of its place.
/// </summary>
internal static class HtmlPage
{
    private const string Prefix = "report/";

    private static readonly string[] Styles = ["uplot/uPlot.min.css", "report.css"];
    private static readonly string[] Scripts =
        ["dom.js", "format.js", "line-chart.js", "svg-chart.js", "eval-charts.js", "samples.js", "run.js", "sweep.js", "main.js"];

    private static readonly Lazy<string> Style = new(() => string.Join('\n', Styles.Select(Asset)));
    private static readonly Lazy<string> Library = new(() => Asset("uplot/uPlot.iife.min.js"));
    private static readonly Lazy<string> Script =
        new(() => $"(() => {{\n'use strict';\n{string.Join('\n', Scripts.Select(Asset))}\n}})();");

    /// <summary>
    /// A page. <paramref name="json"/> is its data; <paramref name="live"/> lets it ask the address it came from for newer data.
    /// </summary>
    public static byte[] Compose(string title, ReadOnlySpan<byte> json, bool live)
    {
        string style = Style.Value, library = Library.Value, script = Script.Value;
        string policy = Policy(live);
        var page = new StringBuilder(style.Length + library.Length + script.Length + json.Length + 4096);
        page.Append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.Append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.Append("<meta name=\"referrer\" content=\"no-referrer\">\n");
        page.Append("<meta http-equiv=\"Content-Security-Policy\" content=\"").Append(policy).Append("\">\n");
        page.Append("<link rel=\"icon\" href=\"data:,\">\n");
        page.Append("<title>").Append(Text(title)).Append(" - btrm</title>\n");
        page.Append("<style>").Append(style).Append("</style>\n</head>\n<body>\n");
        page.Append(
            "<noscript>This report draws its charts with scripts, which are switched off here.</noscript>\n<div id=\"page\"></div>\n");
        page.Append("<script type=\"application/json\" id=\"data\" data-live=\"").Append(live ? "true" : "false").Append("\">");
        page.Append(Inert(json)).Append("</script>\n");
        page.Append("<!--\nThe charts are drawn by uPlot, https://github.com/leeoniya/uPlot\n\n").Append(Asset("uplot/LICENSE"))
            .Append("\n-->\n");
        page.Append("<script>").Append(library).Append("</script>\n");
        page.Append("<script>").Append(script).Append("</script>\n</body>\n</html>\n");
        return Encoding.UTF8.GetBytes(page.ToString());
    }

    /// <summary>The data of a page: what <paramref name="write"/> writes.</summary>
    public static byte[] Json(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            write(writer);
        }

        return buffer.ToArray();
    }

    /// <summary>What a page may do: run its own scripts and styles and, when it is live, ask where it came from.</summary>
    public static string Policy(bool live) =>
        $"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src {Hash(Style.Value)}; "
        + $"script-src {Hash(Library.Value)} {Hash(Script.Value)}{(live ? "; connect-src 'self'" : "")}";

    // In JSON, '<' stands in texts only, where its escape means the same: no text can end the element that holds the data.
    private static string Inert(ReadOnlySpan<byte> json) => Encoding.UTF8.GetString(json).Replace("<", "\\u003c", StringComparison.Ordinal);

    private static string Text(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);

    private static string Hash(string content) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(content)))}'";

    // Browsers read CR LF as LF before they take the hash.
    private static string Asset(string name)
    {
        using Stream stream = typeof(HtmlPage).Assembly.GetManifestResourceStream(Prefix + name)
            ?? throw new InvalidOperationException($"the resource {Prefix}{name} is not in this build");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n").TrimEnd('\n');
    }
}
