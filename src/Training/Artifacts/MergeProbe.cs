using Rm.Kernels.Ops;
using Rm.Training.Model;

namespace Rm.Training.Artifacts;

/// <summary>Sequences of random tokens whose rewards show what merging changed.</summary>
internal static class MergeProbe
{
    private const int Sequences = 16;
    private const int MaxLength = 128;

    /// <summary>Sequences of 8 to 128 tokens, the same for every model with the same vocabulary.</summary>
    public static SequenceLayout Create(ModelConfig config)
    {
        var random = new CounterRandom(1, "merge probe");
        var builder = new SequenceLayoutBuilder();
        for (int s = 0; s < Sequences; s++)
        {
            int[] tokens = new int[8 + (s * (MaxLength - 8) / (Sequences - 1))];
            for (int i = 0; i < tokens.Length; i++)
            {
                tokens[i] = (int)(random.Bits((s * MaxLength) + i) % (ulong)config.VocabSize);
            }

            builder.AddSequence(tokens, (ulong)s);
        }

        return builder.Build();
    }

    /// <summary>Largest absolute difference; not a number when either side is not.</summary>
    public static float LargestChange(float[] before, float[] after) =>
        before.Zip(after, (a, b) => MathF.Abs(a - b)).Aggregate(0f, MathF.Max);
}
