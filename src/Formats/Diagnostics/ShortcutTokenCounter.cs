using Rm.Formats.Rendering;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Diagnostics;

/// <summary>Finds the <see cref="ShortcutToken"/> of a split.</summary>
internal sealed class ShortcutTokenCounter
{
    // Enough to find a mark; keeps the count from taking longer than the tokenising of a large set.
    private const long MostPairs = 20_000;

    private readonly Dictionary<int, (long Chosen, long Rejected)> _counts = [];
    private readonly HashSet<int> _chosen = [];
    private readonly HashSet<int> _rejected = [];
    private long _pairs;

    public void Add(PreferencePair pair)
    {
        if (_pairs == MostPairs)
        {
            return;
        }

        _pairs++;
        Collect(pair.Chosen, pair.PrefixLength, _chosen);
        Collect(pair.Rejected, pair.PrefixLength, _rejected);
        foreach (int id in _chosen.Where(id => !_rejected.Contains(id)))
        {
            (long chosen, long rejected) = _counts.GetValueOrDefault(id);
            _counts[id] = (chosen + 1, rejected);
        }

        foreach (int id in _rejected.Where(id => !_chosen.Contains(id)))
        {
            (long chosen, long rejected) = _counts.GetValueOrDefault(id);
            _counts[id] = (chosen, rejected + 1);
        }
    }

    /// <summary>The token, the smallest id among equals; null when the sides never differ.</summary>
    public ShortcutToken? Find(ITextEncoder? encoder)
    {
        if (_counts.Count == 0)
        {
            return null;
        }

        (int id, (long chosen, long rejected)) = _counts.OrderByDescending(entry => Math.Abs(entry.Value.Chosen - entry.Value.Rejected))
            .ThenBy(entry => entry.Key).First();
        return new ShortcutToken(id, encoder?.Decode([id]), chosen, rejected, _pairs);
    }

    private static void Collect(int[] ids, int prefix, HashSet<int> tokens)
    {
        tokens.Clear();
        tokens.UnionWith(ids.AsSpan(prefix).ToArray());
    }
}
