using Spectre.Console;
using Spectre.Console.Rendering;

namespace Rm.Host.Analysis;

/// <summary>Writes an analysis as tables of plain text.</summary>
internal static class AnalysisConsole
{
    // A file or pipe has no width: lines there are as long as the tables need.
    private const int Unbounded = 10_000;

    /// <summary>
    /// Writes to <paramref name="output"/>, in lines of at most <paramref name="width"/> characters; null for as long as it takes.
    /// </summary>
    public static void Write(AnalysisReport report, TextWriter output, int? width)
    {
        using var text = new StringWriter { NewLine = "\n" };
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(text),
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
        });
        console.Profile.Width = width ?? Unbounded;
        foreach (TextTable table in AnalysisTables.Of(report))
        {
            output.WriteLine(table.Title);
            console.Write(Render(table));
            WriteLines(text.ToString(), output);
            text.GetStringBuilder().Clear();
            output.WriteLine();
        }

        foreach (string sentence in AnalysisTables.Sentences(report))
        {
            console.WriteLine($"- {Printable(sentence)}");
        }

        WriteLines(text.ToString(), output);
    }

    // The library sets lines of blanks above and below a table.
    private static void WriteLines(string text, TextWriter output)
    {
        foreach (string line in text.Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0))
        {
            output.WriteLine(line);
        }
    }

    private static Table Render(TextTable table)
    {
        var rendered = new Table { Border = TableBorder.Markdown };
        for (int c = 0; c < table.Columns.Count; c++)
        {
            rendered.AddColumn(
                new TableColumn(new Text(table.Heading(c))) { Alignment = table.IsNumeric(c) ? Justify.Right : Justify.Left });
        }

        foreach (IReadOnlyList<string> row in table.Rows)
        {
            rendered.AddRow(row.Select(cell => (IRenderable)new Text(Printable(cell))));
        }

        return rendered;
    }

    // Names and domains come from files; control characters in them must not reach a terminal.
    private static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
