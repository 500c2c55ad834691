using Rm.Formats;
using Rm.Formats.Safetensors;
using Rm.Kernels.Ops;

namespace Rm.Training.LowBit;

/// <summary>A weight matrix that its checkpoint stores in few bits, read as the float32 values that it stands for.</summary>
/// <param name="checkpoint">The checkpoint.</param>
/// <param name="name">Name of the tensor with the codes.</param>
/// <param name="shape">Shape of the matrix, <c>[out, in]</c>.</param>
internal abstract class LowBitTensor(SafetensorsCheckpoint checkpoint, string name, long[] shape) : ILowBitMatrix
{
    /// <summary>Shape of the matrix.</summary>
    public long[] Shape => shape;

    /// <inheritdoc/>
    public abstract LowBitLayout? Layout { get; }

    /// <inheritdoc/>
    public virtual LowBitTables Tables { get; } = new([], []);

    /// <summary>Names of the tensors that belong to it, the codes among them.</summary>
    public abstract IEnumerable<string> Names { get; }

    /// <summary>Name of the tensor with the codes.</summary>
    protected string Name => name;

    /// <summary>Number of columns.</summary>
    protected long Columns => shape[1];

    /// <summary>Number of elements.</summary>
    protected long Count => shape[0] * shape[1];

    /// <summary>
    /// The matrix under that name, or null when it is stored plainly. Throws <see cref="UserInputException"/> when its parts do not fit.
    /// </summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="name">Name of a weight in the file.</param>
    /// <param name="blockSize">Rows and columns of a block with a scale, for fp8 by blocks.</param>
    public static LowBitTensor? Find(SafetensorsCheckpoint checkpoint, string name, int blockSize)
    {
        if (!checkpoint.Contains(name) || !name.EndsWith(".weight", StringComparison.Ordinal))
        {
            return null;
        }

        string module = name[..^".weight".Length];
        if (checkpoint.Contains(Nf4Tensor.StateName(name)))
        {
            return new Nf4Tensor(checkpoint, name);
        }

        if (checkpoint.Contains(module + Int8Tensor.ScaleSuffix))
        {
            return new Int8Tensor(checkpoint, name, module);
        }

        return checkpoint.Tensor(name).DType == SafetensorsDType.F8E4M3 ? new Fp8Tensor(checkpoint, name, module, blockSize) : null;
    }

    /// <summary>Elements from <paramref name="start"/> on, in row-major order.</summary>
    public abstract void Read(Span<float> destination, long start);

    /// <inheritdoc/>
    public abstract LowBitRows ReadRows(int first, int count);

    /// <summary>The codes of rows.</summary>
    protected byte[] ReadCodes(int first, int count)
    {
        int bytes = Layout!.CodeBytes((int)Columns);
        byte[] codes = new byte[count * bytes];
        ReadBytes(Name, codes, (long)first * bytes);
        return codes;
    }

    /// <summary>A layout, where rows of this matrix can be kept in it.</summary>
    protected LowBitLayout? IfItFits(LowBitLayout layout) => layout.Fits((int)Columns) ? layout : null;

    /// <summary>Bytes of one of the tensors.</summary>
    protected void ReadBytes(string tensor, Span<byte> destination, long start) =>
        checkpoint.FileOf(tensor).ReadBytes(tensor, destination, start);

    /// <summary>All values of a small float tensor.</summary>
    protected float[] ReadAll(string tensor)
    {
        float[] values = new float[checkpoint.Tensor(tensor).ElementCount];
        checkpoint.ReadFloat32(tensor, values);
        return values;
    }

    /// <summary>All bytes of a small tensor.</summary>
    protected byte[] ReadAllBytes(string tensor)
    {
        byte[] values = new byte[checkpoint.Tensor(tensor).ByteLength];
        ReadBytes(tensor, values, 0);
        return values;
    }

    /// <summary>An error about one of the tensors.</summary>
    protected UserInputException Error(string tensor, string message) => new($"{checkpoint.FileOf(name).FilePath}: {tensor} {message}");

    /// <summary>Throws unless a tensor is there and has the type and number of elements.</summary>
    protected void Require(string tensor, long count, params ReadOnlySpan<SafetensorsDType> types)
    {
        if (!checkpoint.Contains(tensor))
        {
            throw Error(tensor, $"is missing; {name} cannot be read without it.");
        }

        SafetensorsTensor found = checkpoint.Tensor(tensor);
        if (found.ElementCount != count || !types.Contains(found.DType))
        {
            throw Error(
                tensor, $"is {found.DType.HeaderName()} {found.ShapeText}; {name} needs {types[0].HeaderName()} with {count} elements.");
        }
    }
}
