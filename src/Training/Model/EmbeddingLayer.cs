using Rm.Formats.Safetensors;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>Reads elements of a tensor as float32, beginning with one of them in row-major order.</summary>
internal delegate void ReadElements(long start, Span<float> destination);

/// <summary>
/// The embedding: a table, frozen or trained; rows of it that are trained by themselves; low-rank factors x[t] += s A[:, token] B^T; and
/// the family's factor on all of it.
/// </summary>
internal sealed class EmbeddingLayer : IDisposable
{
    private readonly ModelConfig _config;
    private readonly bool _trainsTable;
    private readonly long _tableOffset;
    private readonly LoraSettings? _lora;
    private readonly long _tokensOffset;
    private readonly long _aOffset;
    private readonly long _bOffset;
    private readonly Dictionary<int, int> _trainedRows = [];
    private bool _borrowsTable;
    private Tensor _table;
    private Tensor? _gradTable;
    private Tensor _tokens;
    private Tensor? _gradTokens;
    private Tensor _a;
    private Tensor? _gradA;
    private LinearWeight? _b;
    private Tensor? _gradB;
    private (PreparedLayout Layout, int[] Rows, PreparedLayout Tokens)? _selection;

    public EmbeddingLayer(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope)
    {
        _config = config;
        _lora = scope.Lora;
        _trainsTable = scope.Trains(WeightNames.Embedding);
        if (_trainsTable)
        {
            _tableOffset = layout.AddBlock(ParameterKind.Pretrained, config.HiddenSize, [(WeightNames.Embedding, config.VocabSize)]);
        }

        if (_lora?.TrainableTokens is { Count: > 0 } tokens)
        {
            _tokensOffset = layout.AddBlock(ParameterKind.Pretrained, config.HiddenSize, [(WeightNames.TrainedTokens, tokens.Count)]);
            for (int i = 0; i < tokens.Count; i++)
            {
                _trainedRows.Add(tokens[i], i);
            }
        }

        if (_lora?.Embedding is { } size)
        {
            // A stands transposed, so that a token's column is a row.
            _aOffset = layout.AddBlock(
                ParameterKind.EmbeddingFactor, size.Rank, [(WeightNames.EmbeddingLoraA, config.VocabSize)], transposed: true);
            _bOffset = layout.AddBlock(ParameterKind.EmbeddingFactor, size.Rank, [(WeightNames.EmbeddingLoraB, config.HiddenSize)]);
        }
    }

    /// <summary>Whether a gradient must reach it.</summary>
    public bool IsTrained => _trainsTable || _trainedRows.Count > 0 || _lora?.Embedding is not null;

    /// <summary>
    /// Fills the tables; a frozen one is that of <paramref name="frozen"/>, the embedding of another model, where both hold the same.
    /// </summary>
    public void Load(IBackend backend, ParameterBuffer parameters, IWeightSource source, EmbeddingLayer? frozen = null)
    {
        var shape = new Shape(_config.VocabSize, _config.HiddenSize);
        _borrowsTable = frozen is { _trainsTable: false, _trainedRows.Count: 0 } && !_trainsTable && _trainedRows.Count == 0;
        _table = _trainsTable ? parameters.ValueView(_tableOffset, shape)
            : _borrowsTable ? frozen!._table
            : backend.AllocatePersistent(backend.ActivationDType, shape);
        _gradTable = _trainsTable ? parameters.GradientView(_tableOffset, shape) : null;
        if (_trainedRows.Count > 0)
        {
            var tokens = new Shape(_trainedRows.Count, _config.HiddenSize);
            _tokens = parameters.ValueView(_tokensOffset, tokens);
            _gradTokens = parameters.GradientView(_tokensOffset, tokens);
            LoadTokens(backend, source);
        }

        if (_lora?.Embedding is { } size)
        {
            Shape shapeA = new(_config.VocabSize, size.Rank), shapeB = new(_config.HiddenSize, size.Rank);
            _a = parameters.ValueView(_aOffset, shapeA);
            _gradA = parameters.GradientView(_aOffset, shapeA);
            _b = backend.CreateTrainableWeight(parameters.ValueView(_bOffset, shapeB));
            _gradB = parameters.GradientView(_bOffset, shapeB);
        }

        if (!_borrowsTable)
        {
            LoadTable(backend, source);
        }
    }

    /// <summary>x <c>[T, C]</c> =.</summary>
    public void Forward(ModelContext c, Tensor x)
    {
        c.Backend.EmbeddingForward(new EmbeddingForwardArgs(c.Layout, _table, x));
        long mark = c.Arena.Mark;
        if (Selected(c) is { } selected)
        {
            // The table's own rows of these tokens are zero.
            Tensor rows = c.Activation(selected.Rows.Length, _config.HiddenSize);
            c.Backend.EmbeddingForward(new EmbeddingForwardArgs(selected.Tokens, _tokens, rows));
            c.Backend.ScatterAddRows(new ScatterAddRowsArgs(rows, selected.Rows, x));
        }

        if (_b is not null)
        {
            c.Backend.LinearForward(new LinearForwardArgs(c.Layout, Products(c), _b, null, x, null, null, x));
        }

        c.Arena.Release(mark);
        Scale(c, x);
    }

    /// <summary>Adds the gradients; <paramref name="dX"/> is overwritten.</summary>
    public void Backward(ModelContext c, Tensor dX)
    {
        Scale(c, dX);
        if (_gradTable is { } table)
        {
            c.Backend.EmbeddingBackward(new EmbeddingBackwardArgs(c.Layout, dX, table));
        }

        long mark = c.Arena.Mark;
        if (Selected(c) is { } selected)
        {
            Tensor rows = c.Activation(selected.Rows.Length, _config.HiddenSize);
            c.Backend.GatherRows(new GatherRowsArgs(dX, selected.Rows, rows));
            c.Backend.EmbeddingBackward(new EmbeddingBackwardArgs(selected.Tokens, rows, _gradTokens!.Value));
        }

        if (_b is not null)
        {
            Tensor products = Products(c), dProducts = Narrow(c);
            c.Backend.LinearBackward(new LinearBackwardArgs(
                c.Layout, dX, products, _b, null, null, dProducts, AccumulateDX: false, _gradB, null, c.Arena));
            c.Backend.ScaleAdd(new ScaleAddArgs(dProducts, FactorScale, Z: null, dProducts));
            Tensor dense = c.Activation(dProducts.Rows, dProducts.Columns);
            c.Backend.Copy(dProducts, dense);
            c.Backend.EmbeddingBackward(new EmbeddingBackwardArgs(c.Layout, dense, _gradA!.Value));
        }

        c.Arena.Release(mark);
    }

    /// <summary>Fills a frozen table with other values.</summary>
    public void Replace(IBackend backend, ReadElements read)
    {
        if (_borrowsTable)
        {
            _table = backend.AllocatePersistent(backend.ActivationDType, _table.Shape);
            _borrowsTable = false;
        }

        LoadTable(backend, new Elements(read));
    }

    /// <summary>Brings derived forms up to date after an optimizer step.</summary>
    public void Refresh(IBackend backend)
    {
        if (_b is not null)
        {
            backend.Refresh(_b);
        }
    }

    public void Dispose()
    {
        _b?.Dispose();
        if (!_trainsTable && !_borrowsTable)
        {
            _table.Storage?.Dispose();
        }
    }

    private float FactorScale => (float)_lora!.ScaleOf(_lora.Embedding!.Value);

    // s A[:, token] of every token.
    private Tensor Products(ModelContext c)
    {
        Tensor dense = c.Activation(c.TokenCount, _a.Columns), products = Narrow(c);
        c.Backend.EmbeddingForward(new EmbeddingForwardArgs(c.Layout, _a, dense));
        c.Backend.ScaleAdd(new ScaleAddArgs(dense, FactorScale, Z: null, products));
        return products;
    }

    // [T, r] with rows at multiples of eight elements, as tensor cores want them.
    private Tensor Narrow(ModelContext c) => c.Activation(c.TokenCount, (_a.Columns + 7) / 8 * 8).SliceColumns(0, _a.Columns);

    private void Scale(ModelContext c, Tensor x)
    {
        if (_config.EmbeddingScale != 1)
        {
            c.Backend.ScaleAdd(new ScaleAddArgs(x, _config.EmbeddingScale, Z: null, x));
        }
    }

    // The token rows whose embedding is trained by itself, and a layout that names them by their place among the trained.
    private (int[] Rows, PreparedLayout Tokens)? Selected(ModelContext c)
    {
        if (_trainedRows.Count == 0)
        {
            return null;
        }

        if (_selection is { } last && last.Layout == c.Layout)
        {
            return last.Rows.Length == 0 ? null : (last.Rows, last.Tokens);
        }

        int[] tokens = c.Layout.Layout.Tokens;
        int[] rows = [.. Enumerable.Range(0, tokens.Length).Where(t => _trainedRows.ContainsKey(tokens[t]))];
        var builder = new SequenceLayoutBuilder();
        builder.AddSequence(rows.Length == 0 ? [0] : [.. rows.Select(row => _trainedRows[tokens[row]])], 0);
        _selection = (c.Layout, rows, c.PrepareBeside(builder.Build()));
        return Selected(c);
    }

    private void LoadTokens(IBackend backend, IWeightSource source)
    {
        float[] row = new float[_config.HiddenSize];
        foreach ((int token, int index) in _trainedRows)
        {
            source.Read(WeightNames.Embedding, (long)token * row.Length, row);
            backend.Upload<float>(row, _tokens.SliceRows(index, 1));
        }
    }

    private sealed class Elements(ReadElements read) : IWeightSource
    {
        public bool Contains(string name) => true;

        public void Read(string name, long start, Span<float> destination) => read(start, destination);
    }

    // Frozen, it is stored as activations are: forward rounds what it looks up to that type anyway.
    private void LoadTable(IBackend backend, IWeightSource source)
    {
        if (_trainedRows.Count == 0 && source.TryFill(backend, WeightNames.Embedding, _table))
        {
            return;
        }

        int columns = _config.HiddenSize;
        ushort[] rounded = [];
        WeightLoading.Read(source, WeightNames.Embedding, _config.VocabSize, columns, (row, values) =>
        {
            int count = values.Length / columns;
            Tensor rows = _table.SliceRows(row, count);
            if (_trainedRows.Keys.Any(token => token >= row && token < row + count))
            {
                float[] own = values.ToArray();
                foreach (int token in _trainedRows.Keys.Where(token => token >= row && token < row + count))
                {
                    own.AsSpan((token - row) * columns, columns).Clear();
                }

                values = own;
            }

            if (_table.DType == DType.F32)
            {
                backend.Upload(values, rows);
                return;
            }

            rounded = rounded.Length < values.Length ? new ushort[values.Length] : rounded;
            FloatConversion.ToBFloat16(values, rounded.AsSpan(0, values.Length));
            backend.Upload<ushort>(rounded.AsSpan(0, values.Length), rows);
        });
    }
}
