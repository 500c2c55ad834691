using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>One parameter's AdamW step by the paper's formulas (Loshchilov and Hutter 2019).</summary>
internal static class AdamWReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static (T Parameter, T First, T Second) Step(
        T parameter, T gradient, T first, T second, int step, double learningRate, double weightDecay, double beta1, double beta2,
        double epsilon)
    {
        T b1 = T.CreateChecked(beta1);
        T b2 = T.CreateChecked(beta2);
        T rate = T.CreateChecked(learningRate);
        first = (b1 * first) + ((T.One - b1) * gradient);
        second = (b2 * second) + ((T.One - b2) * gradient * gradient);
        T firstUnbiased = first / T.CreateChecked(1 - Math.Pow(beta1, step));
        T secondUnbiased = second / T.CreateChecked(1 - Math.Pow(beta2, step));
        parameter -= rate * T.CreateChecked(weightDecay) * parameter;
        parameter -= rate * firstUnbiased / (T.Sqrt(secondUnbiased) + T.CreateChecked(epsilon));
        return (parameter, first, second);
    }
}
