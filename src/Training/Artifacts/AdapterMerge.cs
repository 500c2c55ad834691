using System.Numerics;
using Rm.Formats;
using Rm.Formats.Safetensors;
using Rm.Training.Adapters;
using Rm.Training.Model;

namespace Rm.Training.Artifacts;

/// <summary>
/// Adds an adapter to the tensors of its base while they stream through: W + s B A, each row brought to its magnitude with DoRA, the bias
/// of B to the module's own bias, factors and single rows to the embedding.
/// </summary>
internal sealed class AdapterMerge(AdapterFolder adapter, ModelConfig config, LoraSettings lora)
{
    /// <summary>The tensor with what the adapter changes of it.</summary>
    public TensorToWrite Apply(TensorToWrite tensor)
    {
        if (tensor.Name == WeightNames.Embedding)
        {
            return Embedding(tensor);
        }

        foreach (LinearModule module in config.Modules)
        {
            foreach (int layer in config.LayersWith(module))
            {
                if (lora.Of(layer, module) is not { } size)
                {
                    continue;
                }

                if (tensor.Name == WeightNames.Weight(layer, module))
                {
                    TensorToWrite sum = Added(
                        tensor, AdapterNames.LoraA(layer, module), AdapterNames.LoraB(layer, module), size.Rank, transposed: false,
                        lora.ScaleOf(size));
                    return lora.UseDora ? WithMagnitudes(sum, AdapterNames.Magnitude(layer, module)) : sum;
                }

                if (lora.HasFactorBias && tensor.Name == WeightNames.Bias(layer, module))
                {
                    return Plus(tensor, AdapterNames.FactorBias(layer, module), (float)lora.ScaleOf(size));
                }

                if (lora.HasFactorBias && !config.HasBias(module))
                {
                    throw new UserInputException(
                        $"{adapter.FolderPath}: lora_bias adds a bias to {WeightNames.Path(layer, module)}, which has none in the base "
                            + $"model: the adapter "
                        + "cannot be merged (PEFT cannot either). Use it with --adapter.");
                }
            }
        }

        return tensor;
    }

    private TensorToWrite Embedding(TensorToWrite tensor)
    {
        if (lora.Embedding is { } size)
        {
            // A and B change places: a token's row is B times A's column.
            tensor = Added(
                tensor, AdapterNames.Saved(WeightNames.EmbeddingLoraB), AdapterNames.Saved(WeightNames.EmbeddingLoraA), size.Rank,
                transposed: true,
                lora.ScaleOf(size));
        }

        if (lora.TrainableTokens.Count == 0)
        {
            return tensor;
        }

        int columns = config.HiddenSize;
        TensorToWrite source = tensor;
        return tensor with
        {
            Fill = (start, destination) =>
            {
                source.Fill(start, destination);
                float[] rows = Read(AdapterNames.Saved(WeightNames.TrainedTokens));
                for (int i = 0; i < lora.TrainableTokens.Count; i++)
                {
                    long first = Math.Max(start, (long)lora.TrainableTokens[i] * columns);
                    long end = Math.Min(start + destination.Length, ((long)lora.TrainableTokens[i] + 1) * columns);
                    if (first < end)
                    {
                        int offset = (int)(first - ((long)lora.TrainableTokens[i] * columns));
                        rows.AsSpan((i * columns) + offset, (int)(end - first)).CopyTo(destination[(int)(first - start)..]);
                    }
                }
            },
        };
    }

    // + scale * left[row, r] right[r, column]; transposed: right lies as [column, r] and left as [r, row], as an embedding's factors do.
    private TensorToWrite Added(TensorToWrite tensor, string rightName, string leftName, int rank, bool transposed, double scale)
    {
        int columns = (int)tensor.Shape[1];
        long rows = tensor.Shape[0];
        float[]? right = null, left = null;
        return tensor with
        {
            Fill = (start, destination) =>
            {
                tensor.Fill(start, destination);
                right ??= transposed ? Transposed(Read(rightName), columns, rank) : Read(rightName);
                left ??= transposed ? Transposed(Read(leftName), rank, (int)rows) : Read(leftName);
                ForRows(start, destination.Length, columns, (row, column, at, count, piece) =>
                {
                    for (int r = 0; r < rank; r++)
                    {
                        AddScaled(
                            right.AsSpan((r * columns) + column, count), (float)(scale * left[(row * rank) + r]), piece.Slice(at, count));
                    }
                }, destination);
            },
        };
    }

    private TensorToWrite WithMagnitudes(TensorToWrite tensor, string name)
    {
        int columns = (int)tensor.Shape[1], rows = (int)tensor.Shape[0];
        float[]? factors = null;
        return tensor with
        {
            Fill = (start, destination) =>
            {
                tensor.Fill(start, destination);
                factors ??= Factors();
                ForRows(start, destination.Length, columns, (row, _, at, count, piece) =>
                {
                    foreach (ref float value in piece.Slice(at, count))
                    {
                        value *= factors[row];
                    }
                }, destination);
            },
        };

        float[] Factors()
        {
            float[] m = Read(name), values = new float[columns];
            for (int row = 0; row < rows; row++)
            {
                tensor.Fill((long)row * columns, values);
                m[row] = (float)(m[row] / Math.Sqrt(values.Sum(v => (double)v * v)));
            }

            return m;
        }
    }

    private TensorToWrite Plus(TensorToWrite tensor, string name, float scale) => tensor with
    {
        Fill = (start, destination) =>
        {
            tensor.Fill(start, destination);
            AddScaled(Read(name).AsSpan((int)start, destination.Length), scale, destination);
        },
    };

    private delegate void RowPiece(long row, int column, int at, int count, Span<float> piece);

    private static void ForRows(long start, int length, int columns, RowPiece action, Span<float> destination)
    {
        for (int done = 0; done < length;)
        {
            int column = (int)((start + done) % columns), count = Math.Min(columns - column, length - done);
            action((start + done) / columns, column, done, count, destination);
            done += count;
        }
    }

    private float[] Read(string name)
    {
        float[] values = new float[adapter.Tensor(name).ElementCount];
        adapter.ReadFloat32(name, values);
        return values;
    }

    private static float[] Transposed(float[] values, int rows, int columns) =>
        new Parameter("", ParameterKind.EmbeddingFactor, rows, columns, 0, false) { IsTransposed = true }.ToFile(values);

    private static void AddScaled(ReadOnlySpan<float> source, float factor, Span<float> destination)
    {
        int i = 0;
        var factors = new Vector<float>(factor);
        for (; i <= source.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            (new Vector<float>(destination[i..]) + (factors * new Vector<float>(source[i..]))).CopyTo(destination[i..]);
        }

        for (; i < source.Length; i++)
        {
            destination[i] += factor * source[i];
        }
    }
}
