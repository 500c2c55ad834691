using System.Globalization;
using System.Text.Json;

namespace Rm.Host.Tests.Training;

/// <summary>
/// How close figures must be to golden ones. A reward near zero is a difference of large terms, and a training trajectory amplifies
/// rounding (Adam divides each gradient by its size, so where one is nearly zero its last bits decide): there the golden float32 run is
/// itself away from exact arithmetic, by as much as the float64 files say. Every figure must be within 1e-4 relative of the golden one or
/// of the float64 one; only where the golden run is farther than that from float64 does it suffice to be no farther than the golden run is.
/// </summary>
internal static class GoldenCloseness
{
    public const double Tolerance = 1e-4;

    // Rewards are compared on the scale of a small reward at least.
    private const double RewardFloor = 1e-2;

    public static void AssertRewards(string side, double[] ours, JsonElement golden, JsonElement exact) =>
        AssertClose($"{side} reward", ours, Numbers(golden.GetProperty(side)), Numbers(exact.GetProperty(side)), RewardFloor);

    /// <summary>The rewards of a trained model as one tensor: the L2 distance is within the tolerance of the L2 norm.</summary>
    public static void AssertFinalRewards(double[] ours, double[] golden)
    {
        Assert.Equal(golden.Length, ours.Length);
        double difference = Math.Sqrt(ours.Zip(golden, (a, b) => (a - b) * (a - b)).Sum());
        double norm = Math.Sqrt(golden.Sum(v => v * v));
        Assert.True(difference <= Tolerance * norm,
            string.Create(CultureInfo.InvariantCulture, $"final rewards differ by {difference / norm:E1} relative"));
    }

    public static void AssertFigures(string name, double[] ours, double[] golden, double[] exact) =>
        AssertClose(name, ours, golden, exact, 1e-12);

    public static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetDouble())];

    private static void AssertClose(string what, double[] ours, double[] golden, double[] exact, double floor)
    {
        Assert.Equal(golden.Length, ours.Length);
        double Scale(int i) => Math.Max(Math.Abs(exact[i]), floor);
        double goldenError = Enumerable.Range(0, exact.Length).Max(i => Math.Abs(golden[i] - exact[i]) / Scale(i));
        for (int i = 0; i < golden.Length; i++)
        {
            bool asGolden = Math.Abs(ours[i] - golden[i]) <= Tolerance * Scale(i);
            bool asExact = Math.Abs(ours[i] - exact[i]) <= Math.Max(Tolerance, goldenError) * Scale(i);
            Assert.True(
                asGolden || asExact,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{what} {i}: {ours[i]:R}, golden {golden[i]:R}, float64 {exact[i]:R}; the golden run is off by up to "
                        + $"{goldenError:E1}"));
        }
    }
}
