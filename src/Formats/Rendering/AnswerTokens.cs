using Rm.Formats.Rows;

namespace Rm.Formats.Rendering;

/// <summary>The answers of one row, tokenised and cut once each, so that pairs of one answer share its tokens.</summary>
/// <param name="tokenize">Tokenises an answer with its prompt.</param>
internal sealed class AnswerTokens(Func<Conversation, TokenizedSide> tokenize)
{
    private readonly Dictionary<object, TokenizedSide> _sides = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<(int[] Ids, int Kept), int[]?> _cuts = [];

    /// <summary>The tokens of an answer; two conversations are one answer when they have one list of turns, or one text.</summary>
    public TokenizedSide Of(Conversation answer)
    {
        object key = (object?)answer.Messages ?? (object?)answer.TokenIds ?? answer.Text ?? (object)answer;
        if (!_sides.TryGetValue(key, out TokenizedSide? side))
        {
            _sides[key] = side = tokenize(answer);
        }

        return side;
    }

    /// <summary>The result of <paramref name="cut"/>, which leaves a side <paramref name="kept"/> tokens or is null.</summary>
    public int[]? Cut(TokenizedSide side, int kept, Func<int[]?> cut)
    {
        if (!_cuts.TryGetValue((side.Ids, kept), out int[]? ids))
        {
            _cuts[(side.Ids, kept)] = ids = cut();
        }

        return ids;
    }
}
