using System.Text;
using System.Text.Json.Nodes;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>Byte-pair encoding by its definition, on strings: merge the leftmost pair of lowest rank until none is left.</summary>
internal sealed class MergeReference(Dictionary<string, int> vocabulary, Dictionary<(string, string), int> ranks)
{
    public static MergeReference Quickstart()
    {
        JsonNode model = TokenizerFolder.Quickstart()["model"]!;
        return new MergeReference(
            model["vocab"]!.AsObject().ToDictionary(p => p.Key, p => p.Value!.GetValue<int>(), StringComparer.Ordinal),
            model["merges"]!.AsArray().Select((pair, rank) => ((pair![0]!.ToString(), pair[1]!.ToString()), rank)).ToDictionary());
    }

    public int[] Encode(string word)
    {
        List<string> symbols = [.. Encoding.UTF8.GetBytes(word).Select(b => ByteAlphabet.Spell([b]))];
        while (true)
        {
            int best = -1, bestRank = int.MaxValue;
            for (int i = 0; i + 1 < symbols.Count; i++)
            {
                if (ranks.TryGetValue((symbols[i], symbols[i + 1]), out int rank) && rank < bestRank)
                {
                    (best, bestRank) = (i, rank);
                }
            }

            if (best < 0)
            {
                return [.. symbols.Select(symbol => vocabulary[symbol])];
            }

            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }
    }
}
