namespace Rm.Kernels.Cpu.Threading;

/// <summary>
/// The body of a parallel loop. Implemented by a struct, so that a loop allocates nothing and its call is bound at compile time.
/// </summary>
public interface IParallelBody
{
    /// <summary>Runs one item of the loop. Items run in any order and on any thread of the team.</summary>
    /// <param name="item">Index of the item, from 0.</param>
    void Run(int item);
}
