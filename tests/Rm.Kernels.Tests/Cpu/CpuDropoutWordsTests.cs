using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.Cpu;

public sealed unsafe class CpuDropoutWordsTests
{
    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 640)]
    [InlineData(0x0123456789ABCDEF, 12, 0x89ABCDEF, 64)]
    [InlineData(99, 7, 1234567, 1_000_000)]
    public void Words_are_those_of_the_shared_generator(ulong seed, uint stream, uint tokenKey, int firstColumn)
    {
        uint* words = stackalloc uint[DropoutWords.Columns];
        DropoutWords.Fill(seed, stream, tokenKey, firstColumn, words);
        for (int i = 0; i < DropoutWords.Columns; i++)
        {
            int column = firstColumn + i;
            Assert.Equal(DropoutMask.Draw(seed, (uint)column >> 2, stream, tokenKey)[column & 3], words[i]);
        }
    }
}
