using Rm.Formats.Safetensors;

namespace Rm.Host.Tests.Checkpoints;

public sealed class SafetensorsWriterTests
{
    // Those of real-files are partly made by hand, to be what the library reads but does not write.
    public static TheoryData<string> GoldenFiles =>
        [.. Directory.EnumerateFiles(TestPaths.Golden, "*.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Where(HoldsWeightsOnly).Select(path => Path.GetRelativePath(TestPaths.Golden, path))
            .Where(path => !path.StartsWith("real-files" + Path.DirectorySeparatorChar, StringComparison.Ordinal))];

    // Low-bit bases hold int8 and fp8 codes, which are read and never written.
    private static bool HoldsWeightsOnly(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Tensors.Values.All(tensor => tensor.DType.IsWeight());
    }

    [Theory]
    [MemberData(nameof(GoldenFiles))]
    public void A_file_of_the_reference_library_is_rewritten_byte_for_byte(string name)
    {
        string path = Path.Combine(TestPaths.Golden, name);
        using var file = SafetensorsFile.Open(path);
        TensorToWrite[] tensors = file.Tensors.Values.Reverse().Select(tensor => new TensorToWrite(
            tensor.Name, tensor.DType, tensor.Shape, (start, destination) => file.ReadFloat32(tensor.Name, destination, start))).ToArray();
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors, file.Metadata);
        byte[] original = File.ReadAllBytes(path);
        Assert.Equal(original.Length, SafetensorsWriter.FileLength(tensors, file.Metadata));
        Assert.True(original.AsSpan().SequenceEqual(stream.ToArray()), $"{name} was not rewritten as it was");
    }

    [Fact]
    public void Wider_types_come_first_so_that_every_tensor_is_aligned()
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream,
        [
            TensorToWrite.FromMemory("a", [3], new float[] { 1, 2, 3 }, SafetensorsDType.BF16),
            TensorToWrite.FromMemory("b\"\u00e9", [1], new float[] { 4 }),
            TensorToWrite.FromMemory("c", [0], ReadOnlyMemory<float>.Empty, SafetensorsDType.F16),
        ]);
        using var folder = new ScratchFolder();
        using var file = SafetensorsFile.Open(folder.Write("m.safetensors", stream.ToArray()));
        Assert.Equal(["b\"\u00e9", "a", "c"], file.Tensors.Values.OrderBy(t => t.Start).ThenBy(t => t.Name).Select(t => t.Name));
        Assert.Equal(0, file.Tensor("b\"\u00e9").Start % 8);
        Assert.Equal("pt", file.Metadata["format"]);
        float[] values = new float[3];
        file.ReadFloat32("a", values);
        Assert.Equal([1f, 2, 3], values);
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        var one = TensorToWrite.FromMemory("a", [1], new float[1]);
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Stream.Null, [one, one]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Stream.Null, [one with { DType = SafetensorsDType.I64 }]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Stream.Null, [one with { Name = "__metadata__" }]));
        Assert.Throws<ArgumentException>(() => TensorToWrite.FromMemory("a", [2], new float[1]));
    }
}
