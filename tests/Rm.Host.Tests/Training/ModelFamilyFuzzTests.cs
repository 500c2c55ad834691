using System.Text;
using System.Text.Json.Nodes;
using Rm.Formats.Rendering;
using Rm.Host.Tests.Tokenization;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>
/// Small models of every family with random sizes, weights and sequences: the CUDA backend with float32 storage beside the CPU, rewards and
/// all gradients within 1e-4, or, where a random model makes much of little, within four times what it moves when the last bit of every
/// weight changes. Settings that belong together are those of the golden cases.
/// One seed a family; BTRM_LONG_TESTS=1 runs ten.
/// </summary>
[Collection("CUDA device")]
public sealed class ModelFamilyFuzzTests
{
    private const int Vocabulary = 61;
    private const double Tolerance = 1e-4, Sensitivities = 4;

    public static TheoryData<string> Families => [.. ModelGoldenTests.FamilyNames];

    [Theory]
    [MemberData(nameof(Families))]
    public void A_random_model_is_the_same_on_both_devices(string family)
    {
        int first = FuzzSettings.FirstSeed(1), place = Array.IndexOf([.. ModelGoldenTests.FamilyNames], family);
        int count = Environment.GetEnvironmentVariable("BTRM_LONG_TESTS") == "1" ? 10 : FuzzSettings.Iterations(1, cost: 8000);
        for (int seed = first; seed < first + count; seed++)
        {
            string config = RandomConfig(family, new Random(seed));
            PreferencePair[] pairs = RandomPairs(new Random(seed));

            // By the family's place too, so that one seed over all families has every combination.
            bool sharePrefix = (seed + place) % 2 == 0;
            var recompute = (Recompute)((seed + place) % 3);
            using CpuBackend cpu = new(2);
            using CudaBackend cuda = EmulatedDevice.Open(DType.F32);
            Outcome expected = Run(cpu, config, pairs, sharePrefix, Recompute.None, seed);
            Outcome nudged = Run(cpu, config, pairs, sharePrefix, Recompute.None, seed, nudge: true);
            Outcome actual = Run(cuda, config, pairs, sharePrefix, recompute, seed);
            string what = $"{family}, seed {seed}, {config}";
            Assert.True(expected.Rewards.Distinct().Count() > 1, what);
            for (int i = 0; i < expected.Rewards.Length; i++)
            {
                AssertClose(
                    $"{what}: reward {i}", [expected.Rewards[i]], [actual.Rewards[i]], Distance(expected.Rewards, nudged.Rewards), 0.1);
            }

            foreach ((string name, float[] gradient) in expected.Gradients)
            {
                AssertClose($"{what}: {name}", gradient, actual.Gradients[name], Distance(gradient, nudged.Gradients[name]), 1e-6);
            }
        }
    }

    private static void AssertClose(string what, float[] expected, float[] actual, double sensitivity, double floor)
    {
        double distance = Distance(expected, actual), norm = Distance(expected, new float[expected.Length]);
        Assert.True(
            distance <= Math.Max(Tolerance * Math.Max(norm, floor), Sensitivities * sensitivity),
            $"{what}: {distance:E2} apart, of {norm:E2}; weights changed in their last bit move it by {sensitivity:E2}");
    }

    private static double Distance(float[] x, float[] y) => Math.Sqrt(x.Zip(y, (a, b) => Math.Pow((double)a - b, 2)).Sum());

    private static Outcome Run(
        IBackend backend, string json, PreferencePair[] pairs, bool sharePrefix, Recompute recompute, int seed, bool nudge = false)
    {
        var config = ModelConfig.Parse(Encoding.UTF8.GetBytes(json), "config.json");
        using var model = new RewardModel(backend, config, new Weights(seed, nudge), TrainingScope.Full, training: true, recompute);
        ParameterInitializer.InitializeHead(model.Parameters, 0.5, (ulong)seed);
        MicroBatchResult result = model.Train(
            PairPacking.Pack(pairs, sharePrefix), new PairTargets(null, null), ModelGoldenCase.All, 1f / pairs.Length, dropoutSeed: 0);
        return new Outcome(
            result.Rewards, model.Parameters.All.ToDictionary(p => p.Name, p => model.Parameters.Read(model.Parameters.Gradients, p)));
    }

    private static string RandomConfig(string family, Random random)
    {
        string file = Path.Combine(new ModelGoldenCase(family).ModelPath, "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllBytes(file))!.AsObject();
        void Draw(string name, params int[] values)
        {
            if (config[name] is JsonValue value && value.TryGetValue(out int _))
            {
                config[name] = values[random.Next(values.Length)];
            }
        }

        config["vocab_size"] = Vocabulary;
        Draw("intermediate_size", 16, 24, 40, 72);
        Draw("moe_intermediate_size", 8, 24, 40);
        Draw("num_local_experts", 4, 7, 9);
        Draw("num_experts", 4, 7, 9);
        Draw("num_experts_per_tok", 1, 3, 4);
        Draw("sliding_window", 2, 5, 9);
        if (config["head_dim"] is not null)
        {
            // The width of the model is then free.
            Draw("hidden_size", 24, 40, 56);
            DrawHeads((1, 1), (3, 1), (4, 2), (3, 3));
        }
        else if (!config.ToJsonString().Contains("long_factor", StringComparison.Ordinal))
        {
            // Factors by dimension belong to one size of head.
            DrawHeads((2, 1), (2, 2), (4, 1), (4, 4));
        }

        return config.ToJsonString();

        void DrawHeads(params (int Heads, int KvHeads)[] choices)
        {
            (int heads, int kvHeads) = choices[random.Next(choices.Length)];
            Draw("num_attention_heads", heads);
            Draw("num_key_value_heads", kvHeads);
        }
    }

    private static PreferencePair[] RandomPairs(Random random)
    {
        int[] Tokens(int most) => [.. Enumerable.Range(0, random.Next(1, most)).Select(_ => random.Next(Vocabulary))];
        return [.. Enumerable.Range(0, 3).Select(i =>
        {
            int[] prompt = Tokens(30);
            return PreferencePair.FromIds([.. prompt, .. Tokens(20)], [.. prompt, .. Tokens(20)], i);
        })];
    }

    private sealed record Outcome(float[] Rewards, IReadOnlyDictionary<string, float[]> Gradients);

    /// <summary>Numbers by name, norms' and others' alike around nothing that hides them.</summary>
    private sealed class Weights(int seed, bool nudge) : IWeightSource
    {
        private const float Matrix = 0.2f, Vector = 0.3f;

        public bool Contains(string name) => name != WeightNames.Score;

        public void Read(string name, long start, Span<float> destination)
        {
            var random = new CounterRandom((ulong)seed, name);
            bool isNorm = name.Contains("norm", StringComparison.Ordinal);
            float size = isNorm || name.EndsWith("bias", StringComparison.Ordinal) ? Vector : Matrix;
            for (int i = 0; i < destination.Length; i++)
            {
                float uniform = ((random.Bits(start + i) & 0xFFFF) / 32768f) - 1;
                float value = (isNorm ? 1 : 0) + (size * uniform);
                bool isUp = ((random.Bits(start + i) >> 20) & 1) == 0;
                destination[i] = !nudge ? value : isUp ? MathF.BitIncrement(value) : MathF.BitDecrement(value);
            }
        }
    }
}
