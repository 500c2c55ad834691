namespace Rm.Training.Model;

/// <summary>
/// Which rows of a matrix belong to which expert, when every expert's tokens stand together: experts in order, and of each its tokens in
/// order. The order is that of the tokens, so that a sum over an expert's rows does not depend on threads.
/// </summary>
internal sealed class ExpertRows
{
    private readonly int[] _begin;

    /// <summary>The rows of tokens that chose <paramref name="experts"/>, <paramref name="chosen"/> each, token by token.</summary>
    public ExpertRows(int[] experts, int chosen, int count)
    {
        _begin = new int[count + 1];
        foreach (int expert in experts)
        {
            _begin[expert + 1]++;
        }

        for (int expert = 0; expert < count; expert++)
        {
            _begin[expert + 1] += _begin[expert];
        }

        int[] next = _begin[..count];
        Slots = new int[experts.Length];
        Tokens = new int[experts.Length];
        for (int i = 0; i < experts.Length; i++)
        {
            Slots[i] = next[experts[i]]++;
            Tokens[Slots[i]] = i / chosen;
        }
    }

    /// <summary>The row of a token's j-th expert, at token * k + j.</summary>
    public int[] Slots { get; }

    /// <summary>The token of every row.</summary>
    public int[] Tokens { get; }

    /// <summary>First row and number of rows of an expert.</summary>
    public (int First, int Count) Of(int expert) => (_begin[expert], _begin[expert + 1] - _begin[expert]);
}
