using Rm.Formats;
using Rm.Formats.Safetensors;

namespace Rm.Host.Tests.Checkpoints;

public sealed class SafetensorsCheckpointTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public SafetensorsCheckpointTests()
    {
        WriteShard("model-00001-of-00002.safetensors", "a", 1);
        WriteShard("model-00002-of-00002.safetensors", "b", 2);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_are_read_from_their_shards()
    {
        WriteIndex("""{"metadata":{"total_size":8},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}""");
        using var checkpoint = SafetensorsCheckpoint.Open(_folder.Path);
        float[] value = new float[1];
        checkpoint.ReadFloat32("b", value);
        Assert.Equal(2, value[0]);
        Assert.Equal(["a", "b"], checkpoint.Names.Order());
        Assert.Equal(2, checkpoint.Files.Count);
    }

    [Fact]
    public void Tensors_of_a_shard_that_the_index_leaves_out_are_read_too()
    {
        WriteShard("model-00002-of-00002.safetensors", "score.weight", 3);
        WriteShard("model-00003-of-00003.safetensors", "score.weight", 4);
        WriteIndex("""{"weight_map":{"a":"model-00001-of-00002.safetensors","score.weight":"model-00003-of-00003.safetensors"}}""");
        using (var checkpoint = SafetensorsCheckpoint.Open(_folder.Path))
        {
            float[] value = new float[1];
            checkpoint.ReadFloat32("score.weight", value);
            Assert.Equal(4, value[0]); // listed: from the shard that the index names
        }

        WriteShard("model-00001-of-00002.safetensors", ["a", "extra"]);
        WriteIndex("""{"weight_map":{"a":"model-00001-of-00002.safetensors","score.weight":"model-00003-of-00003.safetensors"}}""");
        using (var checkpoint = SafetensorsCheckpoint.Open(_folder.Path))
        {
            Assert.True(checkpoint.Contains("extra"));
        }

        WriteShard("model-00003-of-00003.safetensors", ["score.weight", "extra"]);
        Assert.Contains("tensor extra is not listed",
            Assert.Throws<UserInputException>(() => SafetensorsCheckpoint.Open(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"model-00003-of-00003.safetensors"}}""", "shard model-00003-of-00003.safetensors is missing")]
    [InlineData("""{"weight_map":{"b":"model-00001-of-00002.safetensors"}}""", "tensor b is listed in model-00001-of-00002.safetensors but is not there")]
    [InlineData("""{"weight_map":{"a":"../model.safetensors"}}""", "is not the name of a file in the checkpoint's folder")]
    [InlineData("""{"weight_map":{"a":"/etc/passwd"}}""", "is not the name of a file in the checkpoint's folder")]
    [InlineData("""{"weight_map":{"a":".."}}""", "is not the name of a file in the checkpoint's folder")]
    [InlineData("""{"weight_map":{"a":""}}""", "is not the name of a file in the checkpoint's folder")]
    [InlineData("""{"weight_map":{"a":"sub\\a"}}""", "is not the name of a file in the checkpoint's folder")]
    [InlineData("""{"weight_map":{"a":1}}""", "weight_map.a must be a file name")]
    [InlineData("""{"weight_map":{"a":"x","a":"x"}}""", "not valid JSON")]
    [InlineData("""{"weight_map":[]}""", "weight_map is missing or not an object")]
    [InlineData("""{"weight_map":{}}""", "lists no tensors")]
    [InlineData("""{}""", "weight_map is missing or not an object")]
    [InlineData("""[]""", "expected a JSON object")]
    [InlineData("""{""", "not valid JSON")]
    public void Every_fault_of_an_index_names_the_index(string index, string message)
    {
        WriteIndex(index);
        UserInputException error = Assert.Throws<UserInputException>(() => SafetensorsCheckpoint.Open(_folder.Path));
        Assert.StartsWith(_folder[SafetensorsCheckpoint.IndexFileName] + ": ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_weights_says_what_is_there_instead()
    {
        Assert.Contains("neither model.safetensors nor", Message(_folder.Path), StringComparison.Ordinal);
        _folder.Write("pytorch_model.bin", "x");
        Assert.Contains("pickle", Message(_folder.Path), StringComparison.Ordinal);
        Assert.Contains("no such folder", Message(_folder["absent"]), StringComparison.Ordinal);

        static string Message(string path) => Assert.Throws<UserInputException>(() => SafetensorsCheckpoint.Open(path)).Message;
    }

    private void WriteIndex(string json) => _folder.Write(SafetensorsCheckpoint.IndexFileName, json);

    private void WriteShard(string file, string tensor, float value) => WriteShard(file, [tensor], value);

    private void WriteShard(string file, string[] tensors, float value = 0)
    {
        using FileStream stream = File.Create(_folder[file]);
        SafetensorsWriter.Write(stream, [.. tensors.Select(tensor => TensorToWrite.FromMemory(tensor, [1], new[] { value }))]);
    }
}
