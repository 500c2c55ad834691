using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Formats.Datasets;

/// <summary>The data report as a plain-text table: a line a figure, a column a split.</summary>
public static class DataReportText
{
    private const int LabelWidth = 34;
    private const int ColumnWidth = 14;
    private const int MostDomains = 24;

    /// <summary>Writes the table.</summary>
    public static void Write(DataReport report, TextWriter output)
    {
        SplitReport[] splits = report.Eval is null ? [report.Train] : [report.Train, report.Eval];
        Line(output, "", splits.Length == 1 ? ["train"] : ["train", "eval"]);
        WriteSelection(splits, Row);
        Row("pairs read", split => split.PairsRead);
        foreach (RowKind kind in splits.SelectMany(split => split.Kinds.Keys).Distinct().Order())
        {
            Row($"  {Describe(kind)}", split => split.Kinds.GetValueOrDefault(kind));
        }

        Row("pairs kept", split => split.PairsKept);
        foreach (DropReason reason in splits.SelectMany(split => split.Dropped.Keys).Distinct().Order())
        {
            Row($"  dropped: {Describe(reason)}", split => split.Dropped.GetValueOrDefault(reason));
        }

        Row("pairs truncated", split => split.PairsTruncated);
        Row("  chosen", split => split.ChosenTruncated);
        Row("  rejected", split => split.RejectedTruncated);
        Row("exact duplicates", split => split.Duplicates);
        Row("distinct prompts", split => split.DistinctPrompts);
        if (splits.Any(split => split.PromptsDiffer > 0))
        {
            Row("sides with different prompts", split => split.PromptsDiffer);
        }

        if (splits.Any(split => split.DistinctPosts is not null))
        {
            Row("distinct posts", split => split.DistinctPosts ?? 0);
        }

        Row("tokens", split => split.Tokens);
        Row("  saved by prefix sharing", split => split.TokensShared);
        Line(output, "  share saved", splits.Select(split => split.SharedFraction.ToString("P1", CultureInfo.InvariantCulture)));
        if (report.Eval is { } eval)
        {
            Line(output, "prompts shared by train and eval", [Number(report.SharedPrompts)]);
            Line(output, "  eval pairs with such a prompt", [$"{Number(report.EvalPairsWithSharedPrompt)} of {Number(eval.PairsKept)}"]);
        }

        if (report.Eval is { DistinctPosts: not null } posted)
        {
            Line(output, "posts shared by train and eval", [Number(report.SharedPosts)]);
            Line(output, "  eval pairs with such a post", [$"{Number(report.EvalPairsWithSharedPost)} of {Number(posted.PairsKept)}"]);
        }

        WriteDomains(splits, output);
        if (splits.SelectMany(split => split.UnreadColumns).Distinct(StringComparer.Ordinal).ToList() is { Count: > 0 } unread)
        {
            output.WriteLine();
            output.WriteLine($"columns that were not read: {string.Join(", ", unread)}");
        }

        string[] names = ["train", "eval"];
        for (int i = 0; i < splits.Length; i++)
        {
            WriteLengths(splits[i], names[i], output);
        }

        for (int i = 0; i < splits.Length; i++)
        {
            WriteRewardTokens(splits[i], names[i], output);
            WriteShortcutToken(splits[i], names[i], output);
        }

        if (report.Train.FirstPair is { } first)
        {
            ShownPairText.Write(first, names[0], output);
        }

        void Row(string label, Func<SplitReport, long> figure) => Line(output, label, splits.Select(split => Number(figure(split))));
    }

    /// <summary>A drop reason in words, as in "3 too long".</summary>
    public static string Describe(DropReason reason) => reason switch
    {
        DropReason.TooLong => "too long",
        DropReason.PromptTooLong => "prompt too long",
        DropReason.ResponseTooLong => "response too long",
        DropReason.EqualAfterTruncation => "equal once truncated",
        DropReason.IdenticalSides => "identical sides",
        DropReason.NoPreference => "no preference (a tie)",
        DropReason.NoTokens => "without tokens",
        DropReason.LengthsDiffer => "lengths differ",
        _ => "kept",
    };

    private static void WriteSelection(SplitReport[] splits, Action<string, Func<SplitReport, long>> row)
    {
        (string Label, Func<SplitReport, long> Figure)[] removed =
        [
            ("  below --min-score-ratio", split => split.Selection.BelowScoreRatio),
            ("  beyond --max-pairs-per-post", split => split.Selection.BeyondPostLimit),
            ("  not drawn", split => split.Selection.NotDrawn),
        ];
        if (splits.Any(split => split.Selection.Removed > 0))
        {
            row("rows seen", split => split.Selection.RowsSeen);
            foreach ((string label, Func<SplitReport, long> figure) in removed.Where(r => splits.Any(split => r.Figure(split) > 0)))
            {
                row(label, figure);
            }
        }

        if (splits.FirstOrDefault(split => split.Diagnostic is not null)?.Diagnostic is { } diagnostic)
        {
            row($"rows changed by {DiagnosticOptions.NameOf(diagnostic.Mode)}", split => split.Diagnostic?.RowsChanged ?? 0);
        }
    }

    private static void WriteDomains(SplitReport[] splits, TextWriter output)
    {
        string[] domains = [.. splits.SelectMany(split => split.Domains.Keys).Distinct(StringComparer.Ordinal)
            .OrderByDescending(domain => splits.Sum(split => split.Domains.GetValueOrDefault(domain)))
            .ThenBy(domain => domain, StringComparer.Ordinal)];
        if (domains.Length == 0)
        {
            return;
        }

        output.WriteLine();
        Line(output, "pairs by domain", []);
        foreach (string domain in domains.Take(MostDomains))
        {
            Line(output, $"  {(domain.Length <= LabelWidth - 4 ? domain : domain[..(LabelWidth - 4)])}",
                splits.Select(split => Number(split.Domains.GetValueOrDefault(domain))));
        }

        if (domains.Length > MostDomains)
        {
            Line(output, $"  {domains.Length - MostDomains} more",
                splits.Select(split => Number(domains.Skip(MostDomains).Sum(split.Domains.GetValueOrDefault))));
        }
    }

    private static string Describe(RowKind kind) => kind switch
    {
        RowKind.PromptStrings => "prompt + chosen + rejected",
        RowKind.PromptMessages => "prompt + message lists",
        RowKind.PlainStrings => "whole texts",
        RowKind.Transcripts => "transcripts",
        RowKind.PromptColumns => "columns of turns",
        RowKind.Comparison => "two responses and a preference",
        RowKind.Ranking => "ranked answers",
        RowKind.MessageLists => "message lists",
        RowKind.Shp => "SHP",
        RowKind.TokenIds => "token ids",
        _ => "single texts",
    };

    private static void WriteLengths(SplitReport split, string name, TextWriter output)
    {
        output.WriteLine();
        output.Write($"{name} lengths, tokens".PadRight(LabelWidth));
        output.WriteLine(string.Concat(LengthQuantiles.Percentages.Select(percent => $"{percent}%".PadLeft(9))));
        foreach ((string label, LengthQuantiles lengths) in
            new[] { ("  prompt", split.PromptLengths), ("  chosen", split.ChosenLengths), ("  rejected", split.RejectedLengths) })
        {
            output.Write(label.PadRight(LabelWidth));
            output.WriteLine(string.Concat(LengthQuantiles.Percentages.Select(percent => Number(lengths.At(percent)).PadLeft(9))));
        }
    }

    private static void WriteRewardTokens(SplitReport split, string name, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine($"{name}: the reward is read at the last token");
        foreach (RewardToken token in split.RewardTokens)
        {
            output.WriteLine($"  {token.Id}{Quote(token.Text)}: {Number(token.Count)} of {Number(split.PairsKept * 2)} texts");
        }

        if (split.RewardTokensByKind.Values.Select(token => token.Id).Distinct().Count() > 1)
        {
            output.WriteLine("  rows of different kinds are read at different tokens, so that their rewards say different things: "
                + string.Join(
                    ", ", split.RewardTokensByKind.Select(kind => $"{Describe(kind.Key)} at {kind.Value.Id}{Quote(kind.Value.Text)}")));
        }
    }

    private static void WriteShortcutToken(SplitReport split, string name, TextWriter output)
    {
        if (split.ShortcutToken is { } token)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name}: the strongest shortcut token is {token.Id}{Quote(token.Text)}: in the chosen side only in "
                    + $"{token.ChosenOnly:N0}, in the rejected side only in {token.RejectedOnly:N0} of {token.Pairs:N0} pairs; it alone "
                    + $"is right in {token.Accuracy:P1}"));
        }
    }

    // Escaped as in JSON: the token is often a line end.
    private static string Quote(string? text) =>
        text is null ? "" : $" \"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static void Line(TextWriter output, string label, IEnumerable<string> cells) =>
        output.WriteLine((label.PadRight(LabelWidth) + string.Concat(cells.Select(cell => cell.PadLeft(ColumnWidth)))).TrimEnd());

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
