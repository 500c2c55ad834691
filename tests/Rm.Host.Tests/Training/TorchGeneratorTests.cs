using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Rm.Training.RandomNumbers;

namespace Rm.Host.Tests.Training;

/// <summary>Numbers that PyTorch 2.12 drew (CPU generators of these seeds).</summary>
public sealed class TorchGeneratorTests
{
    [Theory]
    [InlineData(42UL, new[] { 2, 6, 1, 8, 4, 5, 0, 9, 3, 7 })]
    [InlineData(4294967299UL, new[] { 5, 3, 4, 6, 0, 2, 1 })]
    public void Permutations_are_those_of_randperm(ulong seed, int[] expected)
    {
        int[] order = new int[expected.Length];
        new TorchGenerator(seed).Permutation(order);
        Assert.Equal(expected, order);
    }

    [Fact]
    public void Uniform_numbers_are_equal_to_the_bit()
    {
        float[] values = new float[4];
        new TorchGenerator(9).Uniform(values, -0.3f, 0.7f);
        Assert.Equal([0.35578447580337524f, 0.002022683620452881f, 0.17989641427993774f, 0.4773736000061035f], values);
    }

    [Fact]
    public void A_linear_layer_begins_equal_to_the_bit()
    {
        // nn.Linear(6, 3, bias=False) after manual_seed(3).
        float[] expected =
        [
            -0.40476715564727783f, -0.3220512866973877f, -0.17485889792442322f, -0.38623976707458496f, -0.023176778107881546f,
            -0.3591635525226593f,
            0.22197754681110382f, 0.1989797055721283f, 0.07709459960460663f, 0.31668365001678467f, -0.03998275473713875f,
            0.24453309178352356f,
            -0.2859037220478058f, -0.0804503783583641f, -0.36401301622390747f, -0.0331454798579216f, -0.26486721634864807f,
            0.36675629019737244f,
        ];
        float[] values = new float[expected.Length];
        new TorchGenerator(3).KaimingUniform(values, fanIn: 6);
        Assert.Equal(expected, values);

        // Passing over numbers is drawing them.
        float[] tail = new float[8];
        var generator = new TorchGenerator(3);
        generator.SkipUniform(10);
        generator.KaimingUniform(tail, fanIn: 6);
        Assert.Equal(expected[10..], tail);
    }

    [Theory]
    [InlineData(0.5, new[] { -0.07339754700660706, 0.39307063817977905, 0.47341081500053406, -0.5571720004081726, 0.8453950881958008 })]
    [InlineData(0.02, new[]
    {
        -0.01640268974006176, 0.007912622764706612, 0.01797816902399063, -0.027768077328801155, -0.0033399201929569244,
            0.015641452744603157, 0.02078215405344963,
        -0.014490214176476002, -0.016978172585368156, -0.02433858811855316, -0.0016204316634684801, 0.027229702100157738,
        -0.026064332574605942, 0.01348201371729374,
        -0.026466915383934975, -0.02719537913799286, -0.01733403094112873, -0.01128013338893652, -0.04112925007939339,
        -0.007134450599551201, 0.021911608055233955,
    })]
    public void Normal_numbers_are_equal_to_the_bit(double std, double[] expected)
    {
        float[] values = new float[expected.Length];
        new TorchGenerator(7).Normal(values, std);
        Assert.Equal(expected.Select(value => (float)value), values);
    }

    [Fact]
    public void So_are_many()
    {
        // SHA-256 of torch.empty(65536).normal_(0, 0.02, generator=manual_seed(77)) as bytes.
        float[] values = new float[65536];
        new TorchGenerator(77).Normal(values, 0.02);
        Assert.Equal("a2569e37eeb19d9f964930b350ddea59d584d4c850945ed5f811335b6bd8b77f",
            Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(values))));
    }

    [Fact]
    public void The_engine_is_the_reference_codes()
    {
        // First and 10,000th output of mt19937 with its default seed (ISO C++ [rand.predef]).
        var engine = new MersenneTwister(5489);
        Assert.Equal(3499211612u, engine.Next());
        for (int i = 2; i < 10_000; i++)
        {
            engine.Next();
        }

        Assert.Equal(4123659995u, engine.Next());
    }
}
