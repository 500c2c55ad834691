using Rm.Kernels.Cpu.Attention;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Cpu;

/// <summary>A layout with the blocks that attention cuts its keys into.</summary>
internal sealed class CpuPreparedLayout(SequenceLayout layout) : PreparedLayout(layout)
{
    private QueryBlocks? _allQueries;
    private int _allQueriesHeads;

    /// <summary>Key blocks of every segment.</summary>
    public KeyBlocks Keys { get; } = new(layout);

    /// <summary>Query blocks; those of all tokens are kept, since every layer but the last asks for them.</summary>
    public QueryBlocks Queries(int[]? queryRows, int headsPerGroup)
    {
        if (queryRows is not null)
        {
            return new QueryBlocks(Layout.Segments, queryRows, Layout.TokenCount, headsPerGroup);
        }

        if (_allQueries is null || _allQueriesHeads != headsPerGroup)
        {
            _allQueries = new QueryBlocks(Layout.Segments, null, Layout.TokenCount, headsPerGroup);
            _allQueriesHeads = headsPerGroup;
        }

        return _allQueries;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }
}
