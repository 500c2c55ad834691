using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Serving.Vllm;

/// <summary>
/// Texts to ids as the tokenizers library does it under vLLM: special tokens are added whether or not the text begins with them already,
/// and truncation counts them.
/// </summary>
internal static class Truncation
{
    /// <summary>The ids of texts; longer ones are cut after everything has been added, so that the left side loses the BOS.</summary>
    public static IReadOnlyList<int[]> Encode(
        Tokenizer tokenizer, IReadOnlyList<string> texts, bool addSpecialTokens, int? limit, bool keepEnd)
    {
        ReadOnlyMemory<int> leading = addSpecialTokens ? tokenizer.LeadingSpecialTokens : default;
        ReadOnlyMemory<int> trailing = addSpecialTokens ? tokenizer.TrailingSpecialTokens : default;
        return [.. Plain(tokenizer, texts).Select(ids => Cut([.. leading.Span, .. ids, .. trailing.Span], limit, keepEnd))];
    }

    /// <summary>The ids of a pair of texts in one sequence; too long, the longer text is cut first.</summary>
    public static int[] EncodePair(Tokenizer tokenizer, int[] first, int[] second, int? limit, bool keepEnd)
    {
        ReadOnlyMemory<int> leading = tokenizer.LeadingSpecialTokens, trailing = tokenizer.TrailingSpecialTokens;
        (ReadOnlyMemory<int> leading2, ReadOnlyMemory<int> trailing2) = tokenizer.SecondSpecialTokens;
        if (limit is { } most)
        {
            int room = Math.Max(0, most - leading.Length - trailing.Length - leading2.Length - trailing2.Length);
            (int keep1, int keep2) = LongestFirst(first.Length, second.Length, room);
            (first, second) = (Cut(first, keep1, keepEnd), Cut(second, keep2, keepEnd));
            if (most == 0)
            {
                return [];
            }
        }

        return [.. leading.Span, .. first, .. trailing.Span, .. leading2.Span, .. second, .. trailing2.Span];
    }

    /// <summary>Ids without anything added.</summary>
    public static int[][] Plain(Tokenizer tokenizer, IReadOnlyList<string> texts)
    {
        try
        {
            return [.. texts.AsParallel().AsOrdered().Select(text => tokenizer.Encode(text, addSpecialTokens: false))];
        }
        catch (AggregateException e) when (e.InnerException is UserInputException inner)
        {
            throw RequestFields.Refusal(inner.Message);
        }
    }

    /// <summary>At most <paramref name="limit"/> of the ids.</summary>
    public static int[] Cut(int[] ids, int? limit, bool keepEnd) =>
        limit is not { } most || ids.Length <= most ? ids : keepEnd ? ids[(ids.Length - most)..] : ids[..most];

    // As tokenizers' "longest_first": the shorter text stays whole where it can, otherwise both get half, the longer the odd token.
    private static (int First, int Second) LongestFirst(int first, int second, int room)
    {
        if (first + second <= room)
        {
            return (first, second);
        }

        (int small, int large) = first <= second ? (first, second) : (second, first);
        large = small > room ? small : Math.Max(small, room - small);
        if (small + large > room)
        {
            small = room / 2;
            large = small + (room % 2);
        }

        return first <= second ? (small, large) : (large, small);
    }
}
