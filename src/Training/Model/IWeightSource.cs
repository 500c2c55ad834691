using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.LowBit;

namespace Rm.Training.Model;

/// <summary>Where a model's pretrained weights come from: a checkpoint, or random numbers for benchmarks.</summary>
public interface IWeightSource
{
    /// <summary>Whether there is a tensor under this Hugging Face name.</summary>
    bool Contains(string name);

    /// <summary>Whether there are values to read. A dry run needs the places of large matrices, but not what is in them.</summary>
    bool HasValues => true;

    /// <summary>Fills a matrix without the host, where source and device can; else it is to be read.</summary>
    bool TryFill(IBackend backend, string name, Tensor destination) => false;

    /// <summary>The same for a frozen weight, which may hold several tensors, <paramref name="name"/> the first of them.</summary>
    bool TryFill(IBackend backend, string name, LinearWeight destination) => false;

    /// <summary>The matrix under this name where it is stored in few bits, or null.</summary>
    ILowBitMatrix? LowBit(string name) => null;

    /// <summary>Reads elements of a tensor as float32, beginning with element <paramref name="start"/> in row-major order.</summary>
    void Read(string name, long start, Span<float> destination);
}
