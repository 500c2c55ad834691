using Rm.Formats;
using Rm.Training.Model;

namespace Rm.Host.Tests.Model;

public sealed class ModelShapesTests
{
    [Theory]
    // Parameter counts that the models' pages give, the embedding once where it is tied.
    [InlineData("smollm2-135m", 134_515_008)]
    [InlineData("qwen2.5-0.5b", 494_032_768)]
    [InlineData("qwen2.5-1.5b", 1_543_714_304)]
    [InlineData("qwen2.5-3b", 3_085_938_688)]
    [InlineData("qwen2.5-7b", 7_615_616_512)]
    [InlineData("llama3.2-1b", 1_235_814_400)]
    [InlineData("llama3.1-8b", 8_030_261_248)]
    [InlineData("qwen3-0.6b", 596_049_920)]
    [InlineData("qwen3-4b", 4_022_468_096)]
    public void A_shape_has_the_published_number_of_parameters(string name, long parameters)
    {
        ModelConfig shape = ModelShapes.Get(name);
        long count = WeightNames.Decoder(shape).Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));
        Assert.Equal(parameters, count + (shape.TieWordEmbeddings ? 0 : (long)shape.VocabSize * shape.HiddenSize));
    }

    [Fact]
    public void The_tiny_shape_is_that_of_the_quickstart_model()
    {
        string folder = Path.Combine(TestPaths.Repository, "examples", "quickstart", "model");
        var config = ModelConfig.Load(folder);
        ModelConfig tiny = ModelShapes.Get("tiny");
        Assert.Equal(tiny, config with
        {
            SourceJson = default,
            Architecture = null,
            TorchDType = null,
            PadTokenId = null,
            BosTokenId = null,
            EosTokenIds = tiny.EosTokenIds,
            Warnings = tiny.Warnings,
        });
    }

    [Fact]
    public void An_unknown_shape_lists_the_known_ones() =>
        Assert.Contains("qwen2.5-3b", Assert.Throws<UserInputException>(() => ModelShapes.Get("gpt2")).Message, StringComparison.Ordinal);
}
