namespace Rm.Kernels.Cuda.Driver;

/// <summary>A matrix as cuBLASLt sees it: column-major, <paramref name="Leading"/> elements between the starts of two columns.</summary>
internal readonly record struct CublasLtMatrix(int Rows, int Columns, long Leading);

/// <summary>
/// A row-major product in cuBLASLt's column-major terms. A row-major matrix read by columns is its transpose, so the library is asked for
/// the transposed result: the weight is always operand A, the activation always B and never transposed, and no data is moved.
/// </summary>
/// <param name="TransposeA">Whether A, the weight, is transposed.</param>
/// <param name="A">The weight.</param>
/// <param name="B">The activation.</param>
/// <param name="D">The result.</param>
internal readonly record struct CublasLtProduct(bool TransposeA, CublasLtMatrix A, CublasLtMatrix B, CublasLtMatrix D)
{
    /// <summary>y[M, N] = x[M, K] W[N, K]^T: y^T = W x^T, and W is the transpose of what the library reads.</summary>
    /// <param name="m">Rows of x and y.</param>
    /// <param name="n">Rows of W.</param>
    /// <param name="k">Columns of W.</param>
    /// <param name="xStride">Elements between rows of x.</param>
    /// <param name="wStride">Elements between rows of W.</param>
    /// <param name="yStride">Elements between rows of y.</param>
    public static CublasLtProduct Forward(int m, int n, int k, int xStride, int wStride, int yStride) =>
        new(TransposeA: true, new CublasLtMatrix(k, n, wStride), new CublasLtMatrix(k, m, xStride), new CublasLtMatrix(n, m, yStride));

    /// <summary>dX[M, K] = dY[M, N] W[N, K]: dX^T = W^T dY^T, and W^T is what the library reads.</summary>
    /// <param name="m">Rows of dY and dX.</param>
    /// <param name="n">Rows of W.</param>
    /// <param name="k">Columns of W.</param>
    /// <param name="dyStride">Elements between rows of dY.</param>
    /// <param name="wStride">Elements between rows of W.</param>
    /// <param name="dxStride">Elements between rows of dX.</param>
    public static CublasLtProduct InputGradient(int m, int n, int k, int dyStride, int wStride, int dxStride) =>
        new(TransposeA: false, new CublasLtMatrix(k, n, wStride), new CublasLtMatrix(n, m, dyStride), new CublasLtMatrix(k, m, dxStride));
}
