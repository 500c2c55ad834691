using System.Buffers;

namespace Rm.Training.Model;

/// <summary>
/// Brings matrices from a checkpoint to a device piece by piece: the host never holds more of the weights than one piece, in a buffer that
/// the next matrix uses again.
/// </summary>
internal static class WeightLoading
{
    // 4 MB of float32: enough for the disk and the copy to run at full speed.
    private const int PieceElements = 1 << 20;

    /// <summary>Takes rows, beginning with <paramref name="firstRow"/>; the values are valid during the call.</summary>
    public delegate void LoadRows(int firstRow, ReadOnlySpan<float> values);

    /// <summary>
    /// Calls <paramref name="load"/> with the first row and the number of rows of each piece of <c>[rows, columns]</c>, in order.
    /// </summary>
    public static void InPieces(int rows, int columns, Action<int, int> load)
    {
        int piece = RowsOfPiece(rows, columns);
        for (int row = 0; row < rows; row += piece)
        {
            load(row, Math.Min(piece, rows - row));
        }
    }

    /// <summary>
    /// Hands <paramref name="rows"/> rows of <paramref name="name"/> <c>[.., columns]</c>, from row <paramref name="first"/> on, to
    /// <paramref name="load"/>, in order and counted from 0.
    /// </summary>
    public static void Read(IWeightSource source, string name, int rows, int columns, LoadRows load, int first = 0)
    {
        if (!source.HasValues)
        {
            return;
        }

        float[] buffer = ArrayPool<float>.Shared.Rent(RowsOfPiece(rows, columns) * columns);
        try
        {
            InPieces(rows, columns, (row, count) =>
            {
                Span<float> values = buffer.AsSpan(0, count * columns);
                source.Read(name, (long)(first + row) * columns, values);
                load(row, values);
            });
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }

    private static int RowsOfPiece(int rows, int columns) => Math.Clamp(PieceElements / columns, 1, rows);
}
