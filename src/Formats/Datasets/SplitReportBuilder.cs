using Rm.Formats.Diagnostics;
using Rm.Formats.Files;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Datasets;

/// <summary>Counts what becomes of rows, in row order.</summary>
internal sealed class SplitReportBuilder
{
    private const int MostRewardTokens = 5;

    private readonly SortedDictionary<DropReason, long> _dropped = [];
    private readonly SortedDictionary<RowKind, long> _kinds = [];
    private readonly Dictionary<int, long> _lastTokens = [];
    private readonly SortedDictionary<RowKind, Dictionary<int, long>> _lastTokensByKind = [];
    private readonly HashSet<UInt128> _pairs = [];
    private readonly HashSet<UInt128> _prompts = [];
    private readonly HashSet<string> _posts = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _domains = new(StringComparer.Ordinal);
    private readonly ShortcutTokenCounter _shortcuts = new();
    private readonly List<int> _promptLengths = [];
    private readonly List<int> _chosenLengths = [];
    private readonly List<int> _rejectedLengths = [];
    private readonly SortedSet<string> _unread = new(StringComparer.Ordinal);
    private TokenizedRow? _first;
    private long _promptsDiffer;
    private long _read;
    private long _truncated;
    private long _chosenTruncated;
    private long _rejectedTruncated;
    private long _duplicates;
    private long _tokens;
    private long _shared;

    public void Add(TokenizedRow row)
    {
        _read++;
        _kinds[row.Kind] = _kinds.GetValueOrDefault(row.Kind) + 1;
        AddUnread(row.Unread);
        if (row.Pair is not { } pair)
        {
            _dropped[row.Dropped] = _dropped.GetValueOrDefault(row.Dropped) + 1;
            return;
        }

        _first ??= row;
        _promptsDiffer += row.PromptsDiffer ? 1 : 0;
        _truncated += row.ChosenTruncated || row.RejectedTruncated ? 1 : 0;
        _chosenTruncated += row.ChosenTruncated ? 1 : 0;
        _rejectedTruncated += row.RejectedTruncated ? 1 : 0;
        _duplicates += _pairs.Add(ContentHash.OfIds(pair.Chosen, pair.Rejected)) ? 0 : 1;
        _prompts.Add(pair.PromptHash);
        if (pair.PostId is { } post)
        {
            _posts.Add(post);
        }

        if (pair.Domain is { } domain)
        {
            _domains[domain] = _domains.GetValueOrDefault(domain) + 1;
        }

        _shortcuts.Add(pair);
        _promptLengths.Add(row.PromptTokens);
        _chosenLengths.Add(pair.Chosen.Length);
        _rejectedLengths.Add(pair.Rejected.Length);
        _tokens += pair.Chosen.Length + pair.Rejected.Length;
        _shared += pair.PrefixLength;
        if (!_lastTokensByKind.TryGetValue(row.Kind, out Dictionary<int, long>? ofKind))
        {
            _lastTokensByKind[row.Kind] = ofKind = [];
        }

        foreach (int last in (ReadOnlySpan<int>)[pair.Chosen[^1], pair.Rejected[^1]])
        {
            _lastTokens[last] = _lastTokens.GetValueOrDefault(last) + 1;
            ofKind[last] = ofKind.GetValueOrDefault(last) + 1;
        }
    }

    /// <summary>Names columns that pairs were not read from.</summary>
    public void AddUnread(IEnumerable<string> columns) => _unread.UnionWith(columns);

    public SplitReport Build(
        IReadOnlyList<string> files, ITextEncoder? encoder, SelectionReport selection, DiagnosticReport? diagnostic) => new()
        {
            Files = files,
            PairsRead = _read,
            PairsKept = _chosenLengths.Count,
            Dropped = _dropped,
            Kinds = _kinds,
            PairsTruncated = _truncated,
            ChosenTruncated = _chosenTruncated,
            RejectedTruncated = _rejectedTruncated,
            Duplicates = _duplicates,
            DistinctPrompts = _prompts.Count,
            Selection = selection,
            Domains = _domains,
            DistinctPosts = _posts.Count > 0 ? _posts.Count : null,
            ShortcutToken = _shortcuts.Find(encoder),
            UnreadColumns = [.. _unread],
            PromptsDiffer = _promptsDiffer,
            FirstPair = _first is { Pair: { } pair } first
                ? ShownPair.Of(pair, first.ChosenTruncated, first.RejectedTruncated, encoder)
                : null,
            Diagnostic = diagnostic,
            PromptLengths = new LengthQuantiles(_promptLengths),
            ChosenLengths = new LengthQuantiles(_chosenLengths),
            RejectedLengths = new LengthQuantiles(_rejectedLengths),
            Tokens = _tokens,
            TokensShared = _shared,
            RewardTokens = [.. Frequent(_lastTokens, encoder).Take(MostRewardTokens)],
            RewardTokensByKind = _lastTokensByKind.ToDictionary(kind => kind.Key, kind => Frequent(kind.Value, encoder).First()),
        };

    private static IEnumerable<RewardToken> Frequent(Dictionary<int, long> tokens, ITextEncoder? encoder) =>
        tokens.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key)
            .Select(entry => new RewardToken(entry.Key, encoder?.Decode([entry.Key]), entry.Value));
}
