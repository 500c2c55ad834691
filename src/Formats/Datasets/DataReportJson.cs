using System.Globalization;
using System.Text.Json;
using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Formats.Datasets;

/// <summary>The data report as JSON, with the names of the text table in snake case.</summary>
public static class DataReportJson
{
    /// <summary>Writes the report as one JSON object.</summary>
    public static void Write(DataReport report, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WritePropertyName("train");
        WriteSplit(report.Train, writer);
        if (report.Eval is { } eval)
        {
            writer.WritePropertyName("eval");
            WriteSplit(eval, writer);
            writer.WriteNumber("prompts_shared_by_train_and_eval", report.SharedPrompts);
            writer.WriteNumber("eval_pairs_with_shared_prompt", report.EvalPairsWithSharedPrompt);
            writer.WriteNumber("posts_shared_by_train_and_eval", report.SharedPosts);
            writer.WriteNumber("eval_pairs_with_shared_post", report.EvalPairsWithSharedPost);
        }

        writer.WriteEndObject();
    }

    private static void WriteSplit(SplitReport split, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("files");
        foreach (string file in split.Files)
        {
            writer.WriteStringValue(file);
        }

        writer.WriteEndArray();
        WriteSelection(split.Selection, writer);
        if (split.Diagnostic is { } diagnostic)
        {
            WriteDiagnostic(diagnostic, writer);
        }

        writer.WriteNumber("pairs_read", split.PairsRead);
        writer.WriteNumber("pairs_kept", split.PairsKept);
        WriteCounts(writer, "dropped", split.Dropped);
        WriteCounts(writer, "kinds", split.Kinds);
        writer.WriteNumber("pairs_truncated", split.PairsTruncated);
        writer.WriteNumber("chosen_truncated", split.ChosenTruncated);
        writer.WriteNumber("rejected_truncated", split.RejectedTruncated);
        writer.WriteNumber("exact_duplicates", split.Duplicates);
        writer.WriteNumber("distinct_prompts", split.DistinctPrompts);
        writer.WriteNumber("sides_with_different_prompts", split.PromptsDiffer);
        writer.WriteStartArray("columns_not_read");
        foreach (string column in split.UnreadColumns)
        {
            writer.WriteStringValue(column);
        }

        writer.WriteEndArray();
        if (split.DistinctPosts is { } posts)
        {
            writer.WriteNumber("distinct_posts", posts);
        }

        writer.WriteStartObject("domains");
        foreach ((string domain, long count) in split.Domains)
        {
            writer.WriteNumber(domain, count);
        }

        writer.WriteEndObject();
        writer.WriteNumber("tokens", split.Tokens);
        writer.WriteNumber("tokens_saved_by_prefix_sharing", split.TokensShared);
        writer.WriteNumber("share_saved_by_prefix_sharing", split.SharedFraction);
        writer.WriteStartObject("length_quantiles");
        WriteQuantiles(writer, "prompt", split.PromptLengths);
        WriteQuantiles(writer, "chosen", split.ChosenLengths);
        WriteQuantiles(writer, "rejected", split.RejectedLengths);
        writer.WriteEndObject();
        WriteRewardTokens(split.RewardTokens, writer);
        if (split.ShortcutToken is { } shortcut)
        {
            WriteShortcutToken(shortcut, writer);
        }

        if (split.FirstPair is { } first)
        {
            writer.WriteStartObject("first_pair");
            writer.WriteString("file", first.File);
            writer.WriteNumber("line", first.Line);
            WriteSide(writer, "chosen", first.Chosen);
            WriteSide(writer, "rejected", first.Rejected);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void WriteSide(Utf8JsonWriter writer, string name, ShownSide side)
    {
        writer.WriteStartObject(name);
        writer.WriteString("text", side.Text);
        writer.WriteNumber("tokens", side.Tokens);
        writer.WriteBoolean("truncated", side.Truncated);
        writer.WriteNumber("reward_token_id", side.RewardTokenId);
        writer.WriteString("reward_token", side.RewardTokenText);
        writer.WriteEndObject();
    }

    private static void WriteSelection(SelectionReport selection, Utf8JsonWriter writer)
    {
        writer.WriteStartObject("selection");
        writer.WriteNumber("rows_seen", selection.RowsSeen);
        writer.WriteNumber("below_min_score_ratio", selection.BelowScoreRatio);
        writer.WriteNumber("beyond_max_pairs_per_post", selection.BeyondPostLimit);
        writer.WriteNumber("not_drawn", selection.NotDrawn);
        writer.WriteEndObject();
    }

    private static void WriteDiagnostic(DiagnosticReport diagnostic, Utf8JsonWriter writer)
    {
        writer.WriteStartObject("diagnostic");
        writer.WriteString("mode", DiagnosticOptions.NameOf(diagnostic.Mode));
        writer.WriteNumber("rows", diagnostic.Rows);
        writer.WriteNumber("rows_changed", diagnostic.RowsChanged);
        writer.WriteNumber("pairs_removed", diagnostic.PairsRemoved);
        writer.WriteNumber("pairs_telling_apart", diagnostic.PairsTellingApart);
        writer.WriteEndObject();
    }

    private static void WriteShortcutToken(ShortcutToken token, Utf8JsonWriter writer)
    {
        writer.WriteStartObject("telling_token");
        writer.WriteNumber("id", token.Id);
        writer.WriteString("text", token.Text);
        writer.WriteNumber("chosen_only", token.ChosenOnly);
        writer.WriteNumber("rejected_only", token.RejectedOnly);
        writer.WriteNumber("pairs", token.Pairs);
        writer.WriteNumber("accuracy", token.Accuracy);
        writer.WriteEndObject();
    }

    private static void WriteCounts<T>(Utf8JsonWriter writer, string name, IReadOnlyDictionary<T, long> counts)
        where T : struct, Enum
    {
        writer.WriteStartObject(name);
        foreach ((T key, long count) in counts)
        {
            writer.WriteNumber(JsonNamingPolicy.SnakeCaseLower.ConvertName(key.ToString()), count);
        }

        writer.WriteEndObject();
    }

    private static void WriteQuantiles(Utf8JsonWriter writer, string name, LengthQuantiles lengths)
    {
        writer.WriteStartObject(name);
        foreach (int percent in LengthQuantiles.Percentages)
        {
            writer.WriteNumber(percent.ToString(CultureInfo.InvariantCulture), lengths.At(percent));
        }

        writer.WriteEndObject();
    }

    private static void WriteRewardTokens(IReadOnlyList<RewardToken> tokens, Utf8JsonWriter writer)
    {
        writer.WriteStartArray("reward_tokens");
        foreach (RewardToken token in tokens)
        {
            writer.WriteStartObject();
            writer.WriteNumber("id", token.Id);
            writer.WriteString("text", token.Text);
            writer.WriteNumber("count", token.Count);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
