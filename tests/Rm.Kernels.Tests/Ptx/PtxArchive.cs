using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>
/// One program of tests/golden/ptx/more: a zip of PTX texts by several compilers, their launch, arrays and right outputs. Runs through the
/// driver's calls alone.
/// </summary>
internal sealed unsafe class PtxArchive
{
    private readonly Dictionary<string, byte[]> _files = [];
    private readonly JsonElement _launch, _build;

    /// <summary>The program <paramref name="name"/> as the build <paramref name="build"/> compiled it.</summary>
    public PtxArchive(string name, string build)
    {
        using ZipArchive archive = ZipFile.OpenRead(Path.Combine(Folder, name + ".zip"));
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            using MemoryStream bytes = new();
            using Stream source = entry.Open();
            source.CopyTo(bytes);
            _files[entry.Name] = bytes.ToArray();
        }

        _launch = JsonDocument.Parse(_files["launch.json"]).RootElement;
        _build = _launch.GetProperty("builds").GetProperty(build);
    }

    /// <summary>Where the programs lie.</summary>
    public static string Folder => Path.Combine(TestPaths.Golden, "ptx", "more");

    /// <summary>Every program with each of its builds.</summary>
    public static IEnumerable<(string Program, string Build)> All()
    {
        foreach (string path in Directory.EnumerateFiles(Folder, "*.zip").Order(StringComparer.Ordinal))
        {
            using ZipArchive archive = ZipFile.OpenRead(path);
            using Stream launch = archive.Entries.Single(static entry => entry.Name == "launch.json").Open();
            using var document = JsonDocument.Parse(launch);
            foreach (JsonProperty build in document.RootElement.GetProperty("builds").EnumerateObject())
            {
                yield return (Path.GetFileNameWithoutExtension(path), build.Name);
            }
        }
    }

    /// <summary>Loads and launches it; returns what is wrong with its outputs, empty when nothing is.</summary>
    public string RunAndCompare(CudaDevice device)
    {
        byte[] text = [.. _files[_build.GetProperty("file").GetString()!], 0];
        using var module = KernelModuleHandle.Load(device.Context, text, _build.GetProperty("file").GetString()!);
        CudaKernel kernel = new(module, Setting("entry").GetString()!);
        int shared = Setting("dynamic_shared_bytes").GetInt32();
        if (shared > 48 << 10)
        {
            kernel.AllowSharedMemory(shared);
        }

        using CudaStream stream = new(device);
        List<DeviceMemoryHandle> scratch = [];
        Dictionary<string, DeviceMemoryHandle> memory = [];
        Dictionary<string, NumpyArray> arrays = [];
        try
        {
            foreach (JsonProperty array in _launch.GetProperty("arrays").EnumerateObject())
            {
                arrays[array.Name] = NumpyArray.Parse(_files[FileOf(array.Value)]);
                memory[array.Name] = Upload(device, stream, arrays[array.Name].Bytes);
            }

            Launch(device, kernel, stream, memory, scratch, shared);
            return string.Join("; ", _launch.GetProperty("outputs").EnumerateObject()
                .Select(output =>
                    Difference(output, arrays[output.Name], Download(memory[output.Name], arrays[output.Name].Bytes.Length, stream)))
                .Where(static difference => difference.Length != 0));
        }
        finally
        {
            foreach (DeviceMemoryHandle handle in memory.Values.Concat(scratch))
            {
                handle.Dispose();
            }
        }
    }

    private static string FileOf(JsonElement array) =>
        array.ValueKind == JsonValueKind.String ? array.GetString()! : array.GetProperty("file").GetString()!;

    private static uint[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(static number => number.GetUInt32())];

    private static DeviceMemoryHandle Upload(CudaDevice device, CudaStream stream, byte[] bytes)
    {
        var memory = DeviceMemoryHandle.Allocate(device.Context, bytes.Length);
        fixed (byte* source = bytes)
        {
            CudaDriver.Check(CudaDriver.Api.MemcpyHtoDAsync(memory.Value, source, (nuint)bytes.Length, stream.Value), "copy");
            stream.Synchronize();
        }

        return memory;
    }

    private static byte[] Download(DeviceMemoryHandle memory, int count, CudaStream stream)
    {
        byte[] bytes = new byte[count];
        fixed (byte* target = bytes)
        {
            CudaDriver.Check(CudaDriver.Api.MemcpyDtoHAsync(target, memory.Value, (nuint)count, stream.Value), "copy");
            stream.Synchronize();
        }

        return bytes;
    }

    private static void WriteScalar(Span<byte> place, JsonElement value, string type)
    {
        switch (type)
        {
            case "fp32":
                BinaryPrimitives.WriteSingleLittleEndian(place, value.GetSingle());
                break;
            case "fp64":
                BinaryPrimitives.WriteDoubleLittleEndian(place, value.GetDouble());
                break;
            case "i32":
            case "u32":
                BinaryPrimitives.WriteUInt32LittleEndian(place, (uint)value.GetInt64());
                break;
            default:
                BinaryPrimitives.WriteInt64LittleEndian(place, value.GetInt64());
                break;
        }
    }

    // A map as the folder's two kinds of program say it: dimensions innermost first, or shape and strides outermost first.
    private static void EncodeMap(Span<byte> place, JsonElement map, nint address)
    {
        ulong[] sizes, strides;
        uint[] box;
        int swizzle;
        if (map.TryGetProperty("dims", out JsonElement dims))
        {
            sizes = [.. dims.EnumerateArray().Select(static size => size.GetUInt64())];
            strides = [.. map.GetProperty("strides_bytes").EnumerateArray().Select(static stride => stride.GetUInt64())];
            box = Numbers(map.GetProperty("box"));
            swizzle = Array.IndexOf(["none", "32B", "64B", "128B"], map.GetProperty("swizzle").GetString());
        }
        else
        {
            ulong bytes = map.GetProperty("elem_size").GetUInt64();
            sizes = [.. map.GetProperty("shape").EnumerateArray().Reverse().Select(static size => size.GetUInt64())];
            strides = [.. map.GetProperty("strides").EnumerateArray().SkipLast(1).Reverse().Select(stride => stride.GetUInt64() * bytes)];
            box = [.. Numbers(map.GetProperty("block_size")).Reverse()];
            swizzle = map.GetProperty("swizzle").GetInt32();
        }

        uint[] steps = [.. sizes.Select(static _ => 1u)];
        byte* raw = stackalloc byte[sizeof(NativeTensorMap) + NativeTensorMap.Alignment];
        var encoded =
            (NativeTensorMap*)(((nint)raw + NativeTensorMap.Alignment - 1) / NativeTensorMap.Alignment * NativeTensorMap.Alignment);
        fixed (ulong* size = sizes, stride = strides)
        fixed (uint* boxed = box, step = steps)
        {
            const int bfloat16 = 9;
            CudaDriver.Check(
                NativeCuda.cuTensorMapEncodeTiled(
                    encoded, bfloat16, (uint)sizes.Length, address, size, stride, boxed, step, 0, swizzle, 0, 0),
                "cuTensorMapEncodeTiled");
        }

        new ReadOnlySpan<byte>(encoded, sizeof(NativeTensorMap)).CopyTo(place);
    }

    // What a build says goes before what the program says.
    private JsonElement Setting(string name) => _build.TryGetProperty(name, out JsonElement own) ? own : _launch.GetProperty(name);

    private Dim3 Cluster()
    {
        if (!_build.TryGetProperty("cluster", out JsonElement cluster) && !_launch.TryGetProperty("cluster", out cluster))
        {
            return new(1, 1, 1);
        }

        return cluster.ValueKind == JsonValueKind.Number ? new(cluster.GetUInt32(), 1, 1) : Extent(cluster);
    }

    private static Dim3 Extent(JsonElement three) => new(three[0].GetUInt32(), three[1].GetUInt32(), three[2].GetUInt32());

    private void Launch(
        CudaDevice device, CudaKernel kernel, CudaStream stream, Dictionary<string, DeviceMemoryHandle> memory,
        List<DeviceMemoryHandle> scratch,
        int shared)
    {
        Dim3 cluster = Cluster(), grid = Extent(_launch.GetProperty("grid"));
        grid = new(grid.X * cluster.X, grid.Y, grid.Z);
        JsonElement[] parameters = [.. Setting("parameters").EnumerateArray()];
        const int place = 256;
        byte[] values = new byte[place * parameters.Length];
        for (int i = 0; i < parameters.Length; i++)
        {
            JsonElement what = _launch.TryGetProperty("arguments", out JsonElement arguments) ? arguments[i] : parameters[i];
            Write(values.AsSpan(place * i, place), what, parameters[i]);
        }

        void** pointers = stackalloc void*[parameters.Length];
        NativeLaunchAttribute attribute = new()
        {
            Id = NativeLaunchAttribute.ClusterDimension,
            ClusterX = cluster.X,
            ClusterY = cluster.Y,
            ClusterZ = cluster.Z,
        };
        Dim3 block = Extent(Setting("block"));
        NativeLaunchConfig config = new()
        {
            GridX = grid.X,
            GridY = grid.Y,
            GridZ = grid.Z,
            BlockX = block.X,
            BlockY = block.Y,
            BlockZ = block.Z,
            SharedBytes = (uint)shared,
            Stream = stream.Value,
            Attributes = &attribute,
            AttributeCount = cluster.X > 1 ? 1u : 0u,
        };
        fixed (byte* first = values)
        {
            for (int i = 0; i < parameters.Length; i++)
            {
                pointers[i] = first + (place * i);
            }

            CudaDriver.Check(CudaDriver.Api.LaunchKernelEx(&config, kernel.Function, pointers, parameters.Length), "cuLaunchKernelEx");
        }

        stream.Synchronize();

        void Write(Span<byte> target, JsonElement what, JsonElement parameter)
        {
            if (what.TryGetProperty("structure", out JsonElement members))
            {
                foreach (
                    (JsonElement member, JsonElement offset) in members.EnumerateArray().Zip(what.GetProperty("offsets").EnumerateArray()))
                {
                    Write(target[offset.GetInt32()..], member, member);
                }
            }
            else if (what.TryGetProperty("pointer", out JsonElement pointer))
            {
                BinaryPrimitives.WriteInt64LittleEndian(target, memory[pointer.GetString()!].Value);
            }
            else if (what.TryGetProperty("tensormap", out JsonElement name))
            {
                JsonElement map = Setting("tensor_maps").GetProperty(name.GetString()!);
                EncodeMap(target, map, (nint)memory[map.GetProperty("array").GetString()!].Value);
            }
            else if (what.TryGetProperty("hidden", out JsonElement hidden))
            {
                long wanted = hidden.GetString() == "global scratch"
                    ? _build.GetProperty("global_scratch_bytes_per_block").GetInt64() * grid.X * grid.Y * grid.Z
                    : 0;
                if (wanted > 0)
                {
                    scratch.Add(DeviceMemoryHandle.Allocate(device.Context, wanted));
                    BinaryPrimitives.WriteInt64LittleEndian(target, scratch[^1].Value);
                }
            }
            else
            {
                WriteScalar(
                    target,
                    what.TryGetProperty("value", out JsonElement value) ? value : what.GetProperty("i"),
                    (what.TryGetProperty("type", out JsonElement type) ? type : parameter.GetProperty("type")).GetString()!);
            }
        }
    }

    private string Difference(JsonProperty output, NumpyArray array, byte[] got)
    {
        var expected = NumpyArray.Parse(_files[output.Value.GetProperty("file").GetString()!]);
        if (output.Value.TryGetProperty("exact", out _) && array.Type[0] != 'f')
        {
            ulong[] bits = array.Bits(got), right = expected.Bits(expected.Bytes);
            int wrong = bits.Zip(right).Count(static pair => pair.First != pair.Second);
            return bits.Length == right.Length && wrong == 0 ? "" : $"{output.Name}: {wrong} of {right.Length} differ";
        }

        double[] values = output.Value.TryGetProperty("stored_as", out _)
            ? [.. MemoryMarshal.Cast<byte,
                ushort>(got).ToArray().Select(static bits => (double)BitConverter.UInt32BitsToSingle((uint)bits << 16))]
            : array.Numbers(got);
        double[] wanted = expected.Numbers(expected.Bytes);
        bool exact = output.Value.TryGetProperty("exact", out _);
        double absolute = exact ? 0 : output.Value.GetProperty("atol").GetDouble(), relative = exact ? 0
            : output.Value.GetProperty("rtol").GetDouble();
        int far = values.Zip(wanted).Count(pair => double.IsNaN(pair.Second)
            ? !double.IsNaN(pair.First)
            : pair.First != pair.Second && !(Math.Abs(pair.First - pair.Second) <= absolute + (relative * Math.Abs(pair.Second))));
        return values.Length == wanted.Length && far == 0 ? "" : $"{output.Name}: {far} of {wanted.Length} are too far off";
    }
}
