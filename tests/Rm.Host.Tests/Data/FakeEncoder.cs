using System.Text;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Data;

/// <summary>
/// A tokenizer whose ids can be told by eye: one token a UTF-16 unit, one for each special token, and one for each merge, the longest that
/// fits taken first, so that merges across a boundary happen as they do under BPE.
/// </summary>
internal sealed class FakeEncoder : ITextEncoder
{
    public const int Start = 70000;
    public const int End = 70001;
    public const int Bos = 70002;
    private const int FirstMerge = 80000;

    private readonly List<(string Text, int Id)> _pieces = [("<|start|>", Start), ("<|end|>", End), ("<|bos|>", Bos)];

    public FakeEncoder(params string[] merges)
    {
        _pieces.AddRange(merges.Select((merge, i) => (merge, FirstMerge + i)));
        _pieces.Sort((a, b) => b.Text.Length.CompareTo(a.Text.Length));
    }

    public bool AddsBos { get; init; }

    public int? EosTokenId { get; init; } = End;

    public int[] Encode(string text, bool addSpecialTokens)
    {
        var ids = new List<int>();
        int index = 0;
        while (index < text.Length)
        {
            (string piece, int id) = _pieces.Find(entry => string.CompareOrdinal(text, index, entry.Text, 0, entry.Text.Length) == 0);
            ids.Add(piece is null ? text[index] : id);
            index += piece?.Length ?? 1;
        }

        return addSpecialTokens && AddsBos && (ids.Count == 0 || ids[0] != Bos) ? [Bos, .. ids] : [.. ids];
    }

    public string Decode(ReadOnlySpan<int> ids)
    {
        var text = new StringBuilder();
        foreach (int id in ids)
        {
            text.Append(_pieces.Find(entry => entry.Id == id).Text ?? ((char)id).ToString());
        }

        return text.ToString();
    }
}
