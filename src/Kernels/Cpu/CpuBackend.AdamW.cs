using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void AdamW(AdamWArgs args)
    {
        long count = args.Parameters.Shape.Count;
        float* parameters = F32View.Vector(args.Parameters, count, nameof(args.Parameters));
        float* gradients = F32View.Vector(args.Gradients, count, nameof(args.Gradients));
        float* first = F32View.Vector(args.FirstMoment, count, nameof(args.FirstMoment));
        float* second = F32View.Vector(args.SecondMoment, count, nameof(args.SecondMoment));
        ArgumentOutOfRangeException.ThrowIfLessThan(args.Step, 1);
        foreach (AdamWGroup group in args.Groups)
        {
            if (group.Start < 0 || group.Length < 0 || group.Start > count - group.Length)
            {
                throw new ArgumentException(
                    $"Group {group.Start}..{group.Start + group.Length} is outside {count} parameters.", nameof(args));
            }

            var step = new AdamWStep(args, group);
            int items = (int)((group.Length + ElementsPerItem - 1) / ElementsPerItem);
            _threads.For(items, item =>
            {
                long begin = group.Start + ((long)item * ElementsPerItem);
                int length = (int)Math.Min(ElementsPerItem, group.Start + group.Length - begin);
                step.Apply(parameters + begin, gradients + begin, first + begin, second + begin, length);
            });
        }
    }

    /// <summary>
    /// The constants of one update, rounded to float32 where PyTorch rounds them, and the update in its order of operations.
    /// </summary>
    private readonly struct AdamWStep
    {
        private readonly float _gradientScale;
        private readonly float _decay;
        private readonly float _firstWeight;
        private readonly float _beta2;
        private readonly float _secondWeight;
        private readonly float _correction2Root;
        private readonly float _epsilon;
        private readonly float _negativeStepSize;

        public AdamWStep(AdamWArgs args, AdamWGroup group)
        {
            _gradientScale = args.GradientScale;
            _decay = (float)(1 - (group.LearningRate * group.WeightDecay));
            _firstWeight = (float)(1 - args.Beta1);
            _beta2 = (float)args.Beta2;
            _secondWeight = (float)(1 - args.Beta2);
            _correction2Root = (float)Math.Sqrt(1 - Math.Pow(args.Beta2, args.Step));
            _epsilon = (float)args.Epsilon;
            _negativeStepSize = (float)-(group.LearningRate / (1 - Math.Pow(args.Beta1, args.Step)));
        }

        public void Apply(float* parameters, float* gradients, float* first, float* second, int count)
        {
            Vector512<float> one = Vector512<float>.One;
            var firstWeight = Vector512.Create(_firstWeight);
            for (int i = 0; i < count; i += Lanes)
            {
                int n = count - i;
                Vector512<float> g = Load(gradients + i, n) * Vector512.Create(_gradientScale);
                Vector512<float> m = Load(first + i, n);

                // Interpolation from the nearer end, as torch.lerp.
                m = _firstWeight < 0.5f
                    ? Vector512.FusedMultiplyAdd(firstWeight, g - m, m)
                    : Vector512.FusedMultiplyAdd(firstWeight - one, g - m, g);
                Vector512<float> v = (Load(second + i, n) * Vector512.Create(_beta2)) + (Vector512.Create(_secondWeight) * g * g);
                Vector512<float> denominator = (Vector512.Sqrt(v) / Vector512.Create(_correction2Root)) + Vector512.Create(_epsilon);
                Vector512<float> p = Load(parameters + i, n) * Vector512.Create(_decay);
                Store(p + (Vector512.Create(_negativeStepSize) * m / denominator), parameters + i, n);
                Store(m, first + i, n);
                Store(v, second + i, n);
            }
        }
    }
}
