using System.Text;
using Microsoft.Win32.SafeHandles;
using Rm.Formats;
using Rm.Formats.Safetensors;

namespace Rm.Host.Tests.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""", 8, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x""", 8, "not valid JSON")]
    [InlineData("""["a"]""", 0, "not a JSON object")]
    [InlineData("  ", 0, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "tensor a appears twice")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "tensor a: dtype appears twice")]
    [InlineData("""{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}""", 4, "unknown dtype Q4")]
    [InlineData("""{"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}}""", 4, "dtype must be a text")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "negative number -1")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "shape must be a list of whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", 4, "shape must be a list of whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", 4, "is too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "is too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "data_offsets must be [begin, end]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "data_offsets must be [begin, end]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":["0",4]}}""", 4, "data_offsets must be a list of whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "run past the end of the data (7 bytes)")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "needs 8 bytes but data_offsets give 4")]
    [InlineData("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", 1, "misaligned")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "tensors a and b overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "4 bytes between a and tensor b")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "4 bytes between the header and tensor a")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 6, "2 bytes after the last tensor (a)")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "data_offsets is missing")]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4, "dtype is missing")]
    [InlineData("""{"a":[]}""", 0, "expected an object with dtype, shape and data_offsets")]
    [InlineData("""{"__metadata__":{"format":1}}""", 0, "__metadata__.format must be a text")]
    [InlineData("""{"__metadata__":"pt"}""", 0, "__metadata__ must be an object of texts")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "not valid JSON")]
    public void Every_fault_of_a_header_has_its_own_message_that_names_the_file(string header, int dataBytes, string message)
    {
        string path = _folder.Write("bad.safetensors", SafetensorsBytes.Make(header, dataBytes));
        UserInputException error = Assert.Throws<UserInputException>(() => SafetensorsFile.Open(path));
        Assert.StartsWith(path + ": ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Faults_of_the_length_and_the_text_are_named_too()
    {
        void Expect(byte[] content, string message)
        {
            string path = _folder.Write("bad.safetensors", content);
            Assert.Contains(message, Assert.Throws<UserInputException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
        }

        Expect([1, 2, 3], "only 3 bytes");
        Expect([100, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], "claims 100 bytes but the file ends after 2");
        Expect([255, 255, 255, 255, 255, 255, 255, 255, (byte)'{'], "more than the 100000000");
        Expect(SafetensorsBytes.Make([(byte)'{', (byte)'"', 0xff, (byte)'"', (byte)':', (byte)'1', (byte)'}'], []), "not valid UTF-8");
        Assert.Contains("no such file", Assert.Throws<UserInputException>(() => SafetensorsFile.Open(_folder["absent"])).Message,
            StringComparison.Ordinal);
        Assert.Throws<UserInputException>(() => SafetensorsFile.Open(_folder.Path));
    }

    [Fact]
    public void Scalars_and_empty_tensors_are_read()
    {
        string path = _folder.Write("a.safetensors", SafetensorsBytes.Make(
            Encoding.UTF8.GetBytes("""{"__metadata__":{},"e":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}  """),
            BitConverter.GetBytes(2.5f)));
        using var file = SafetensorsFile.Open(path);
        float[] value = new float[1];
        file.ReadFloat32("s", value);
        file.ReadFloat32("e", []);
        Assert.Equal(2.5f, value[0]);
        Assert.Equal(1, file.Tensor("s").ElementCount);
        Assert.Equal(0, file.Tensor("e").ElementCount);
    }

    [Theory]
    [InlineData("""{"__metadata__":null,"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4],"scale":{"a":[1]},"note":null}}""", 4)]
    [InlineData("""{"q":{"dtype":"F8_E4M3FNUZ","shape":[2],"data_offsets":[4,6]},"p":{"dtype":"F8_E5M2FNUZ","shape":[1],"data_offsets":[6,7]},"r":{"dtype":"F4","shape":[2],"data_offsets":[7,8]},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", 8)]
    public void What_newer_writers_add_is_passed_over(string header, int dataBytes)
    {
        byte[] data = new byte[dataBytes];
        BitConverter.GetBytes(2.5f).CopyTo(data, 0);
        using var file =
            SafetensorsFile.Open(_folder.Write("newer.safetensors", SafetensorsBytes.Make(Encoding.UTF8.GetBytes(header), data)));
        float[] value = new float[1];
        file.ReadFloat32("s", value);
        Assert.Equal(2.5f, value[0]);
        Assert.Empty(file.Metadata);
    }

    [Fact]
    public void Ranges_of_a_large_tensor_are_read_in_every_type()
    {
        // Longer than one conversion chunk, and not a multiple of a vector.
        float[] values = Enumerable.Range(0, 300_003).Select(i => (float)((i % 449) - 200) / 8).ToArray();
        foreach (SafetensorsDType dtype in new[] { SafetensorsDType.F32, SafetensorsDType.F16, SafetensorsDType.BF16 })
        {
            string path = _folder[$"{dtype}.safetensors"];
            using (FileStream stream = File.Create(path))
            {
                SafetensorsWriter.Write(stream, [TensorToWrite.FromMemory("w", [3, 100_001], values, dtype)]);
            }

            using var file = SafetensorsFile.Open(path);
            float[] all = new float[values.Length];
            file.ReadFloat32("w", all);
            Assert.Equal(values, all); // whole numbers within +-248, divided by 8: exact in bfloat16's eight bits
            float[] part = new float[131_077];
            file.ReadFloat32("w", part, 11);
            Assert.Equal(values[11..(11 + part.Length)], part);
            ushort[] narrow = new ushort[part.Length];
            file.ReadBFloat16("w", narrow, 11);
            Assert.Equal(part.Select(v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16)), narrow);
            Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadFloat32("w", new float[2], values.Length - 1));
            Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadFloat32("w", new float[2], -1));
        }
    }

    [Theory]
    [InlineData("I64", 8)]
    [InlineData("F64", 8)]
    [InlineData("U8", 1)]
    [InlineData("F8_E4M3", 1)]
    [InlineData("BOOL", 1)]
    public void A_weight_of_another_type_is_an_error_that_names_it(string dtype, int bytes)
    {
        string path = _folder.Write("q.safetensors", SafetensorsBytes.Make(
            $$$"""{"w":{"dtype":"{{{dtype}}}","shape":[1],"data_offsets":[0,{{{bytes}}}]}}""", bytes));
        using var file = SafetensorsFile.Open(path);
        UserInputException error = Assert.Throws<UserInputException>(() => file.ReadFloat32("w", new float[1]));
        Assert.Contains($"tensor w is stored as {dtype}", error.Message, StringComparison.Ordinal);
        Assert.Throws<UserInputException>(() => file.ReadBFloat16("w", new ushort[1]));
        Assert.Contains(
            "no tensor v", Assert.Throws<UserInputException>(() => file.ReadFloat32("v", new float[1])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_shrinks_while_it_is_open_is_an_error()
    {
        string path = _folder.Write("s.safetensors", SafetensorsBytes.Make("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8));
        using var file = SafetensorsFile.Open(path);
        if (OperatingSystem.IsWindows())
        {
            return; // the open file cannot be changed there
        }

        using (SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
        {
            RandomAccess.SetLength(handle, RandomAccess.GetLength(handle) - 4);
        }

        Assert.Contains("has been changed", Assert.Throws<UserInputException>(() => file.ReadFloat32("w", new float[2])).Message,
            StringComparison.Ordinal);
    }
}
