using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void EmbeddingForward(EmbeddingForwardArgs args)
    {
        int[] tokens = args.Layout.Layout.Tokens;
        var table = F32View.Of(args.Table, nameof(args.Table));
        var x = F32View.Of(args.X, tokens.Length, table.Columns, nameof(args.X));
        CheckTokens(tokens, table.Rows);
        ForRows(tokens.Length, table.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                new ReadOnlySpan<float>(table[tokens[t]], table.Columns).CopyTo(new Span<float>(x[t], table.Columns));
            }
        });
    }

    /// <inheritdoc/>
    public void EmbeddingBackward(EmbeddingBackwardArgs args)
    {
        int[] tokens = args.Layout.Layout.Tokens;
        var dTable = F32View.Of(args.DTable, nameof(args.DTable));
        var dx = F32View.Of(args.DX, tokens.Length, dTable.Columns, nameof(args.DX));
        CheckTokens(tokens, dTable.Rows);

        // Tokens repeat, so rows cannot be split among threads; columns can.
        ForColumns(tokens.Length, dTable.Columns, (begin, end) =>
        {
            for (int t = 0; t < tokens.Length; t++)
            {
                float* from = dx[t];
                float* to = dTable[tokens[t]];
                for (int c = begin; c < end; c += Lanes)
                {
                    Store(Load(to + c, end - c) + Load(from + c, end - c), to + c, end - c);
                }
            }
        });
    }

    private static void CheckTokens(int[] tokens, int vocabulary)
    {
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)vocabulary)
            {
                throw new ArgumentException($"Token id {token} is outside the embedding table of {vocabulary} rows.", nameof(tokens));
            }
        }
    }
}
