using Rm.Kernels.Ops;

namespace Rm.Kernels.Cuda;

/// <summary>
/// The keys of a micro-batch's tokens on the device, from which dropout masks are drawn: those of all tokens came with the layout, and
/// those of some rows are uploaded when they differ from the last ones.
/// </summary>
internal sealed class CudaTokenKeys(CudaSession session) : IDisposable
{
    private readonly CudaUploadedList<int> _some = new(session);

    /// <summary>
    /// Address of the keys of <paramref name="rows"/> rows of x, <c>[rows]</c>, valid until the next call with other rows.
    /// </summary>
    /// <param name="layout">The micro-batch.</param>
    /// <param name="tokenRows">The token of each row, or null for all tokens.</param>
    /// <param name="rows">Rows of x.</param>
    /// <exception cref="ArgumentException">The rows are not those of tokens, or another backend prepared the layout.</exception>
    public nint For(PreparedLayout layout, int[]? tokenRows, int rows)
    {
        uint[] keys = layout.Layout.TokenKeys;
        if (rows > (tokenRows?.Length ?? keys.Length)
            || (tokenRows is not null && tokenRows.AsSpan().ContainsAnyExceptInRange(0, keys.Length - 1)))
        {
            throw new ArgumentException("Dropout needs the token of each row of X: all tokens, or TokenRows.", nameof(tokenRows));
        }

        return tokenRows is null
            ? CudaPreparedLayout.Own(layout).TokenKeys.Address
            : _some.Of(Array.ConvertAll(tokenRows, row => unchecked((int)keys[row]))).Address;
    }

    public void Dispose() => _some.Dispose();
}
