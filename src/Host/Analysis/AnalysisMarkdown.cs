using System.Text;

namespace Rm.Host.Analysis;

/// <summary>Writes an analysis as Markdown.</summary>
public static class AnalysisMarkdown
{
    /// <summary>The whole document.</summary>
    public static string Write(AnalysisReport report)
    {
        var text = new StringBuilder();
        foreach (TextTable table in AnalysisTables.Of(report))
        {
            text.Append("## ").Append(Escaped(table.Title)).Append("\n\n");
            Line(text, Enumerable.Range(0, table.Columns.Count).Select(table.Heading).Select(Escaped));
            Line(text, Enumerable.Range(0, table.Columns.Count).Select(c => table.IsNumeric(c) ? "---:" : "---"));
            foreach (IReadOnlyList<string> row in table.Rows)
            {
                Line(text, row.Select(Escaped));
            }

            text.Append('\n');
        }

        IReadOnlyList<string> sentences = AnalysisTables.Sentences(report);
        if (sentences.Count > 0)
        {
            text.Append("## In words\n\n").AppendJoin("", sentences.Select(s => $"- {Escaped(s)}\n"));
        }

        return text.ToString();
    }

    private static void Line(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");

    // What names and domains hold must not become markup, nor end a cell.
    private static string Escaped(string cell)
    {
        var text = new StringBuilder(cell.Length);
        foreach (char c in cell)
        {
            if (c is '|' or '*' or '_' or '`' or '\\' or '<' or '#')
            {
                text.Append('\\');
            }

            text.Append(char.IsControl(c) ? ' ' : c);
        }

        return text.ToString();
    }
}
