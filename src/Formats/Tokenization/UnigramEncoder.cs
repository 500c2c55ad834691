using System.Runtime.InteropServices;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Unigram language model (Kudo 2018): of all ways to cut a word into tokens, the one whose scores have the largest sum, found by dynamic
/// programming from left to right; of equal ones the first found. Arithmetic in doubles and in Hugging Face's order, so that near ties
/// fall alike.
/// </summary>
internal sealed class UnigramEncoder : WordModel
{
    private const double UnknownPenalty = 10;
    private const int MaxWord = 1 << 25; // bytes; 16 each for the lattice

    private readonly Vocabulary _vocabulary;
    private readonly TokenTrie _trie;
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int _unknownId;
    private readonly int[]? _idOfByte;

    /// <summary>An encoder over a model's tables.</summary>
    /// <param name="vocabulary">Tokens by their text.</param>
    /// <param name="scores">Score by id.</param>
    /// <param name="unknownId"><c>unk_id</c>, or -1.</param>
    /// <param name="byteFallback"><c>byte_fallback</c>: unknown text is spelled with tokens such as <c>&lt;0xE6&gt;</c>, if all are
    /// there.</param>
    public UnigramEncoder(Vocabulary vocabulary, double[] scores, int unknownId, bool byteFallback)
    {
        (_vocabulary, _scores, _unknownId) = (vocabulary, scores, unknownId);
        _trie = new TokenTrie(vocabulary);
        _unknownScore = scores.Min() - UnknownPenalty;
        _idOfByte = byteFallback ? CharSymbols.ByteTokens(vocabulary) : null;
    }

    /// <inheritdoc/>
    protected override void Encode(ReadOnlySpan<byte> piece, WordScratch scratch, List<int> ids)
    {
        if (piece.Length > MaxWord)
        {
            throw new UserInputException(
                $"A word of {piece.Length} bytes is too long for a Unigram tokenizer (limit {MaxWord}); cut the text before.");
        }

        scratch.ReserveLattice(piece.Length + 1);
        Span<(double Score, int Start, int Id)> lattice = scratch.Lattice.AsSpan(0, piece.Length + 1);
        Fill(piece, lattice);
        int before = ids.Count;
        for (int end = piece.Length; end > 0;)
        {
            int start = lattice[end].Start;
            bool unknown = lattice[end].Id == _unknownId;
            while (unknown && start > 0 && lattice[start].Id == _unknownId)
            {
                start = lattice[start].Start; // neighbouring unknown characters are one token
            }

            if (unknown)
            {
                AppendUnknownReversed(piece[start..end], ids);
            }
            else
            {
                ids.Add(lattice[end].Id);
            }

            end = start;
        }

        CollectionsMarshal.AsSpan(ids)[before..].Reverse();
    }

    private void Fill(ReadOnlySpan<byte> piece, Span<(double Score, int Start, int Id)> lattice)
    {
        lattice.Fill((0, -1, -1));
        for (int start = 0, length; start < piece.Length; start += length)
        {
            length = CharacterLength(piece[start]);
            double soFar = lattice[start].Score;
            bool single = false;
            int node = 0;
            for (int end = start; end < piece.Length && (node = _trie.Step(node, piece[end])) >= 0;)
            {
                end++;
                int id = _trie.Token(node);
                if (id >= 0)
                {
                    Offer(ref lattice[end], _scores[id] + soFar, start, id);
                    single |= end - start == length;
                }
            }

            if (!single)
            {
                if (_unknownId < 0)
                {
                    throw new UserInputException(
                        "The text has a character that the tokenizer does not know, and its tokenizer.json has no model.unk_id.");
                }

                Offer(ref lattice[start + length], _unknownScore + soFar, start, _unknownId);
            }
        }
    }

    private static void Offer(ref (double Score, int Start, int Id) place, double score, int start, int id)
    {
        if (place.Start < 0 || score > place.Score)
        {
            place = (score, start, id);
        }
    }

    private void AppendUnknownReversed(ReadOnlySpan<byte> text, List<int> ids)
    {
        if (_vocabulary.TryFind(text, out int id))
        {
            ids.Add(id);
            return;
        }

        int before = ids.Count;
        for (int i = text.Length - 1; _idOfByte is not null && i >= 0; i--)
        {
            ids.Add(_idOfByte[text[i]]);
        }

        if (_idOfByte is null || ids.IndexOf(-1, before) >= 0)
        {
            ids.RemoveRange(before, ids.Count - before);
            ids.Add(_unknownId);
        }
    }

    private static int CharacterLength(byte lead) => lead switch
    {
        < 0x80 => 1,
        < 0xE0 => 2,
        < 0xF0 => 3,
        _ => 4,
    };
}
