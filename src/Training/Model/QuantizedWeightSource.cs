using System.Buffers;
using Rm.Formats.Safetensors;
using Rm.Kernels.Ops;
using Rm.Training.LowBit;

namespace Rm.Training.Model;

/// <summary>
/// Weights of another source, those of linear modules quantised as they are read; all others, biases and head among them, as they are.
/// </summary>
internal sealed class QuantizedWeightSource : IWeightSource
{
    private readonly IWeightSource _source;
    private readonly BaseDType _type;
    private readonly Dictionary<string, (int Rows, int Columns)> _matrices = new(StringComparer.Ordinal);
    private (string Name, QuantizedMatrix Matrix)? _latest;

    /// <summary>A source over <paramref name="source"/>.</summary>
    public QuantizedWeightSource(IWeightSource source, BaseDType type, ModelConfig config)
    {
        _source = source;
        _type = type;
        for (int layer = 0; layer < config.Layers; layer++)
        {
            foreach ((string name, int rows, int columns) in config.Matrices(layer))
            {
                _matrices.Add(name, (rows, columns));
            }
        }
    }

    /// <inheritdoc/>
    public bool HasValues => _source.HasValues;

    /// <inheritdoc/>
    public bool Contains(string name) => _source.Contains(name);

    /// <inheritdoc/>
    public ILowBitMatrix? LowBit(string name) =>
        _matrices.ContainsKey(name) && _type.Layout() is { } layout ? Quantized(name, layout) : null;

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination)
    {
        if (!_matrices.ContainsKey(name))
        {
            _source.Read(name, start, destination);
        }
        else if (_type.Layout() is { } layout)
        {
            Quantized(name, layout).Read(start, destination);
        }
        else
        {
            _source.Read(name, start, destination);
            ushort[] rounded = ArrayPool<ushort>.Shared.Rent(destination.Length);
            FloatConversion.ToBFloat16(destination, rounded.AsSpan(0, destination.Length));
            FloatConversion.FromBFloat16(rounded.AsSpan(0, destination.Length), destination);
            ArrayPool<ushort>.Shared.Return(rounded);
        }
    }

    // A matrix is read in pieces, and sometimes twice; one after the other.
    private QuantizedMatrix Quantized(string name, LowBitLayout layout)
    {
        if (_latest is not { } latest || latest.Name != name)
        {
            _latest = null;
            (int rows, int columns) = _matrices[name];
            _latest =
                (name, QuantizedMatrix.Of(name, layout, rows, columns, (start, destination) => _source.Read(name, start, destination)));
        }

        return _latest.Value.Matrix;
    }
}
