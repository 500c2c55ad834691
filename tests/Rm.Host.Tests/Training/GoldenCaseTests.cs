using System.Text.Json;
using Rm.Formats.Rendering;
using Rm.Formats.Safetensors;
using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>Rewards, losses and gradients against Hugging Face transformers + PEFT, within 1e-4 relative.</summary>
public sealed class GoldenCaseTests
{
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Names => GoldenCase.Names;

    public static TheoryData<string, string> NamesAndVariants
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (ITheoryDataRow row in GoldenCase.Names)
            {
                string name = (string)row.GetData()[0]!;
                foreach (JsonProperty variant in new GoldenCase(name).Expected.GetProperty("variants").EnumerateObject())
                {
                    data.Add(name, variant.Name);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Rewards_equal_Hugging_Face(string name)
    {
        var golden = new GoldenCase(name);
        using var backend = new CpuBackend(2);
        using RewardModel model = golden.Open(backend, training: false);
        foreach (bool sharePrefix in new[] { true, false })
        {
            float[] rewards = model.Score(PairPacking.Pack(golden.Pairs, sharePrefix));
            AssertRewards(golden, rewards);
        }
    }

    [Theory]
    [MemberData(nameof(NamesAndVariants))]
    public void Losses_and_gradients_equal_Hugging_Face(string name, string variantName)
    {
        var golden = new GoldenCase(name);
        JsonElement variant = golden.Expected.GetProperty("variants").GetProperty(variantName);
        var options = new PairLossOptions(
            Number(variant, "beta", 1), Number(variant, "eps", 0), Number(variant, "score_reg", 0), Number(variant, "margin_reg", 0));
        using var backend = new CpuBackend(2);
        foreach ((bool sharePrefix, Recompute recompute) in new[] { (true, Recompute.None), (false, Recompute.Selective),
            (true, Recompute.Full) })
        {
            using RewardModel model = golden.Open(backend, training: true, recompute);
            model.Parameters.ZeroGradients();
            MicroBatchResult result = model.Train(
                PairPacking.Pack(golden.Pairs, sharePrefix), new PairTargets(null, null), options, 1f / golden.Pairs.Count, dropoutSeed: 0);
            Close(variant.GetProperty("loss").GetDouble(), result.Losses.Sum(l => (double)l), "loss");
            foreach (Parameter parameter in model.Parameters.All)
            {
                float[] gradient = model.Parameters.Read(model.Parameters.Gradients, parameter);
                double norm = Math.Sqrt(gradient.Sum(g => (double)g * g));
                Close(variant.GetProperty("grad_norms").GetProperty(golden.GoldenName(parameter)).GetDouble(), norm, parameter.Name);
            }

            if (variantName == "all")
            {
                AssertGradients(golden, model);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_backward_computes_again_changes_no_bit(string name)
    {
        var golden = new GoldenCase(name);
        using var backend = new CpuBackend(2);
        List<float[]> expected = Gradients(golden, backend, Recompute.None);
        foreach (Recompute recompute in new[] { Recompute.Selective, Recompute.Full })
        {
            foreach ((float[] first, float[] second) in expected.Zip(Gradients(golden, backend, recompute)))
            {
                Assert.Equal(first.Select(BitConverter.SingleToInt32Bits), second.Select(BitConverter.SingleToInt32Bits));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Micro_batches_add_up_to_the_whole_batch(string name)
    {
        var golden = new GoldenCase(name);
        var options = new PairLossOptions(0.5f, 0.05f, 0.1f, 0.01f);
        using var backend = new CpuBackend(1);
        using RewardModel model = golden.Open(backend, training: true);
        model.Parameters.ZeroGradients();
        foreach (PreferencePair pair in golden.Pairs)
        {
            model.Train(
                PairPacking.Pack([pair], sharePrefix: true), new PairTargets(null, null), options, 1f / golden.Pairs.Count, dropoutSeed: 0);
        }

        AssertGradients(golden, model);
    }

    internal static void AssertRewards(GoldenCase golden, float[] rewards)
    {
        foreach ((string side, int offset) in new[] { ("chosen", 0), ("rejected", 1) })
        {
            GoldenCloseness.AssertRewards(
                side, [.. rewards.Where((_, i) => i % 2 == offset).Select(r => (double)r)], golden.Expected, golden.ExpectedFloat64);
        }
    }

    // Relative to the value, with the scale of a typical reward or gradient as the floor.
    internal static void Close(double expected, double actual, string what) => Assert.True(
        Math.Abs(expected - actual) <= Tolerance * Math.Max(Math.Abs(expected), 1e-2), $"{what}: expected {expected:R}, got {actual:R}");

    private static List<float[]> Gradients(GoldenCase golden, CpuBackend backend, Recompute recompute)
    {
        using RewardModel model = golden.Open(backend, training: true, recompute);
        model.Parameters.ZeroGradients();
        model.Train(
            PairPacking.Pack(golden.Pairs, sharePrefix: true), new PairTargets(null, null), new PairLossOptions(), 1f, dropoutSeed: 0);
        return [.. model.Parameters.All.Select(p => model.Parameters.Read(model.Parameters.Gradients, p))];
    }

    private static void AssertGradients(GoldenCase golden, RewardModel model)
    {
        using var file = SafetensorsFile.Open(Path.Combine(golden.Folder, "grads.safetensors"));
        Assert.Equal(file.Tensors.Count, model.Parameters.All.Count);
        foreach (Parameter parameter in model.Parameters.All)
        {
            float[] gradient = model.Parameters.Read(model.Parameters.Gradients, parameter);
            float[] expected = new float[gradient.Length];
            file.ReadFloat32(golden.GoldenName(parameter), expected);
            double difference = Math.Sqrt(gradient.Zip(expected, (a, b) => Math.Pow((double)a - b, 2)).Sum());
            double norm = Math.Sqrt(expected.Sum(g => (double)g * g));
            Assert.True(difference <= Tolerance * Math.Max(norm, 1e-6), $"{parameter.Name}: differs by {difference / norm:E2} relative");
        }
    }

    private static float Number(JsonElement variant, string name, float otherwise) =>
        variant.TryGetProperty(name, out JsonElement value) ? value.GetSingle() : otherwise;
}
