namespace Rm.Kernels.Cpu.Gemm;

/// <summary>Packs the panels of 32 columns of one matrix B [depth, columns], given as it is or transposed.</summary>
internal readonly unsafe struct StripPacker(float* source, nint stride, bool transposed, int columns, int depth)
{
    /// <summary>Elements of a panel.</summary>
    public long PanelElements => (long)depth * IMicroKernel.PanelColumns;

    /// <summary>Packs the <paramref name="index"/>-th panel into <paramref name="panel"/>, [depth, 32].</summary>
    public void Pack(int index, float* panel)
    {
        const int width = IMicroKernel.PanelColumns;
        int first = index * width;
        int valid = Math.Min(width, columns - first);
        if (transposed)
        {
            PanelPacking.PackRows(source + (first * stride), stride, valid, depth, width, panel);
        }
        else
        {
            PanelPacking.PackColumns(source + first, stride, valid, depth, width, panel);
        }
    }
}
