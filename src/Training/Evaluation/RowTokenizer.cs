using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Kernels.Ops;

namespace Rm.Training.Evaluation;

/// <summary>A row to score as token ids.</summary>
/// <param name="Row">The row.</param>
/// <param name="Sequences">One sequence for a text, two (chosen, rejected) for a pair; none when it cannot be scored.</param>
/// <param name="PrefixLength">Tokens that all sequences begin with and that are stored once.</param>
/// <param name="Error">Why there are no sequences.</param>
public sealed record RowTokens(ScoreRow Row, int[][] Sequences, int PrefixLength, DropReason Error)
{
    /// <summary>Tokens that are computed.</summary>
    public int PackedTokens { get; } = Sequences.Sum(s => s.Length) - (PrefixLength * Math.Max(0, Sequences.Length - 1));
}

/// <summary>Turns rows of any kind into what is scored. Safe to use from several threads.</summary>
/// <param name="tokenizer">Renders and tokenises a text.</param>
/// <param name="sharePrefix">Whether pairs store their common prefix once.</param>
public sealed class RowTokenizer(PairTokenizer tokenizer, bool sharePrefix)
{
    /// <summary>One text as ids; <paramref name="row"/> is named in errors.</summary>
    public TokenizedText Tokenize(Conversation text, DataRow row) => tokenizer.Tokenize(text, row);

    /// <summary>A row's sequences. Throws <see cref="Rm.Formats.UserInputException"/> naming the row when it cannot be read.</summary>
    public RowTokens Tokenize(DataRow row)
    {
        ScoreRow parsed = ScoreRowParser.Parse(row, tokenizer.Columns);
        Conversation[] texts = parsed.Pair is { } pair ? [pair.Chosen, pair.Rejected] : [parsed.Single!];
        TokenizedText[] tokenized = [.. texts.Select(t => tokenizer.Tokenize(t, row))];
        DropReason error = tokenized.Select(t => t.Dropped).FirstOrDefault(r => r != DropReason.None, DropReason.None);
        if (error != DropReason.None)
        {
            return new RowTokens(parsed, [], 0, error);
        }

        int[][] sequences = [.. tokenized.Select(t => t.Ids!)];
        int prefix = sharePrefix && sequences.Length == 2
            ? SequenceLayoutBuilder.ExactPrefixLength(SequenceLayoutBuilder.CommonPrefixLength(sequences[0], sequences[1])) : 0;
        return new RowTokens(parsed, sequences, prefix, DropReason.None);
    }
}
