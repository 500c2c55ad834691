using Rm.Formats;
using Rm.Formats.Safetensors;
using Rm.Training.Model;

namespace Rm.Host.Tests.Model;

public sealed class CheckpointWeightsTests : IDisposable
{
    private static readonly ModelConfig Config = ModelConfig.Load(Path.Combine(TestPaths.Golden, "cases", "qwen3-tiny", "model"));
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_quickstart_model_is_a_causal_checkpoint_without_a_head()
    {
        string folder = Path.Combine(TestPaths.Repository, "examples", "quickstart", "model");
        using var weights = CheckpointWeights.Open(folder, ModelConfig.Load(folder));
        Assert.False(weights.HasScore);
        Assert.Equal([4096L, 192], weights.Tensor(WeightNames.Embedding).Shape);
        Assert.Equal(SafetensorsDType.BF16, weights.Tensor(WeightNames.Embedding).DType);
    }

    [Fact]
    public void A_language_model_head_and_old_rotary_tables_are_passed_over()
    {
        Write(tensors => [.. tensors, Zeros("lm_head.weight", 400, 64), Zeros("model.layers.0.self_attn.rotary_emb.inv_freq", 16)]);
        using var weights = CheckpointWeights.Open(_folder.Path, Config);
        Assert.False(weights.HasScore);
    }

    [Fact]
    public void Names_of_a_bare_model_are_found()
    {
        Write(tensors => [.. tensors.Select(t => t with { Name = t.Name["model.".Length..] }), Zeros(WeightNames.Score, 1, 64)]);
        using var weights = CheckpointWeights.Open(_folder.Path, Config);
        Assert.True(weights.HasScore);
        float[] values = new float[3];
        weights.ReadFloat32(WeightNames.FinalNorm, values, 61);
        Assert.Equal([0.5f, 0.5f, 0.5f], values);
        Assert.Equal("layers.1.self_attn.q_norm.weight", weights.Tensor(WeightNames.QNorm(1)).Name);
    }

    [Fact]
    public void Every_tensor_that_does_not_fit_is_listed_by_name()
    {
        Write(tensors =>
        [
            .. tensors.Where(t => t.Name != "model.layers.1.mlp.up_proj.weight" && t.Name != "model.norm.weight"),
            Zeros("model.norm.weight", 63), Zeros("model.layers.0.self_attn.q_proj.bias", 128), Zeros(WeightNames.Score, 2, 64),
        ]);
        string message = Assert.Throws<UserInputException>(() => CheckpointWeights.Open(_folder.Path, Config)).Message;
        Assert.Contains("missing: model.layers.1.mlp.up_proj.weight [128, 64]", message, StringComparison.Ordinal);
        Assert.Contains("wrong shape: model.norm.weight is [63], config.json asks for [64]", message, StringComparison.Ordinal);
        Assert.Contains("wrong shape: score.weight is [2, 64], config.json asks for [1, 64]", message, StringComparison.Ordinal);
        Assert.Contains("unexpected: model.layers.0.self_attn.q_proj.bias [128]", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_of_modules_that_the_architecture_lacks_are_named_once_and_not_used()
    {
        Write(tensors => [.. tensors, Zeros("model.layers.2.self_attn.q_proj.weight", 128, 64), Zeros("critic.value.weight", 1, 64),
            Zeros(WeightNames.Score, 1, 64)]);
        using var weights = CheckpointWeights.Open(_folder.Path, Config);
        string warning = Assert.Single(weights.Warnings);
        Assert.Contains(
            "not used: critic.value.weight [1, 64], model.layers.2.self_attn.q_proj.weight [128, 64].", warning, StringComparison.Ordinal);
        Assert.True(weights.HasScore);
    }

    [Fact]
    public void A_long_list_is_cut_short()
    {
        Write(_ => [Zeros("x", 1)]);
        Assert.Contains(" more", Assert.Throws<UserInputException>(() => CheckpointWeights.Open(_folder.Path, Config)).Message,
            StringComparison.Ordinal);
    }

    private static TensorToWrite Zeros(string name, params long[] shape) =>
        new(name, SafetensorsDType.BF16, shape, (_, destination) => destination.Clear());

    private void Write(Func<IReadOnlyList<TensorToWrite>, TensorToWrite[]> change)
    {
        TensorToWrite[] tensors = WeightNames.Decoder(Config)
            .Select(t => new TensorToWrite(t.Name, SafetensorsDType.F16, t.Shape, (_, destination) => destination.Fill(0.5f))).ToArray();
        using FileStream stream = File.Create(_folder[SafetensorsCheckpoint.SingleFileName]);
        SafetensorsWriter.Write(stream, change(tensors));
    }
}
