using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>X[t] = Table[tokens[t]].</summary>
/// <param name="Layout">Tokens of the micro-batch; every id is below the table's row count.</param>
/// <param name="Table"><c>[vocabulary, C]</c>, float32 or the activation type.</param>
/// <param name="X"><c>[T, C]</c>, =.</param>
public sealed record EmbeddingForwardArgs(PreparedLayout Layout, Tensor Table, Tensor X);

/// <summary>DTable[v] += sum of DX[t] over the tokens t with id v, in token order.</summary>
/// <param name="Layout">Tokens of the micro-batch.</param>
/// <param name="DX"><c>[T, C]</c>.</param>
/// <param name="DTable"><c>[vocabulary, C]</c>, float32, +=.</param>
public sealed record EmbeddingBackwardArgs(PreparedLayout Layout, Tensor DX, Tensor DTable);
