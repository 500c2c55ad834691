using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>
/// One program of tests/golden/ptx: its text for a target, its launch, its arrays. Runs through the driver's calls alone.
/// </summary>
internal sealed unsafe class PtxProgram
{
    private readonly string _folder;
    private readonly JsonElement _launch, _target;
    private readonly string _targetName;

    /// <summary>The program <paramref name="name"/> for <paramref name="target"/>: sm_80, sm_90, sm_100.</summary>
    public PtxProgram(string name, string target)
    {
        _folder = Path.Combine(Folder, name);
        _launch = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "launch.json"))).RootElement;
        _target = _launch.GetProperty("targets").GetProperty(target);
        _targetName = target;
    }

    /// <summary>Where the programs lie.</summary>
    public static string Folder => Path.Combine(TestPaths.Golden, "ptx");

    /// <summary>All programs that have a text for <paramref name="target"/>.</summary>
    public static IEnumerable<string> NamesFor(string target) => Directory.EnumerateDirectories(Folder)
        .Where(folder => File.Exists(Path.Combine(folder, $"kernel.{target}.ptx"))).Select(static folder => Path.GetFileName(folder)!)
        .Order();

    /// <summary>The text, as cuModuleLoadData takes it.</summary>
    public byte[] Text => [.. File.ReadAllBytes(Path.Combine(_folder, $"kernel.{_targetName}.ptx")), 0];

    /// <summary>The largest error allowed, as a share of the largest expected value.</summary>
    public double Tolerance => _launch.GetProperty("tolerance_of_largest").GetDouble();

    /// <summary>
    /// Loads and launches it; returns the largest error of any output, as a share of that output's largest expected value.
    /// </summary>
    public double RunAndCompare(CudaDevice device)
    {
        using var module = KernelModuleHandle.Load(device.Context, Text, _folder);
        CudaKernel kernel = new(module, _target.GetProperty("entry").GetString()!);
        int shared = _target.GetProperty("shared").GetInt32();
        if (shared > 48 << 10)
        {
            kernel.AllowSharedMemory(shared);
        }

        using CudaStream stream = new(device);
        Dictionary<string, DeviceMemoryHandle> arrays = [];
        List<DeviceMemoryHandle> scratch = [];
        try
        {
            foreach (JsonProperty array in _launch.GetProperty("arrays").EnumerateObject())
            {
                byte[] bytes = Initial(array.Value);
                arrays[array.Name] = DeviceMemoryHandle.Allocate(device.Context, bytes.Length);
                fixed (byte* source = bytes)
                {
                    CudaDriver.Check(
                        CudaDriver.Api.MemcpyHtoDAsync(arrays[array.Name].Value, source, (nuint)bytes.Length, stream.Value), "copy");
                    stream.Synchronize();
                }
            }

            Launch(device, kernel, stream, arrays, scratch, (uint)shared);
            double worst = 0;
            foreach (JsonProperty array in _launch.GetProperty("arrays").EnumerateObject())
            {
                if (array.Value.TryGetProperty("file", out JsonElement file)
                    && file.GetString()!.EndsWith(".expected.bin", StringComparison.Ordinal))
                {
                    worst = Math.Max(worst, Error(array.Value, file.GetString()!, arrays[array.Name], stream));
                }
            }

            return worst;
        }
        finally
        {
            foreach (DeviceMemoryHandle memory in arrays.Values.Concat(scratch))
            {
                memory.Dispose();
            }
        }
    }

    private static Dim3 Extent(JsonElement three) =>
        new(three[0].GetUInt32(), three[1].GetUInt32(), three[2].GetUInt32());

    private static int ElementBytes(JsonElement array) => array.GetProperty("dtype").GetString() == "bfloat16" ? 2 : 4;

    private static long Count(JsonElement array) =>
        array.GetProperty("shape").EnumerateArray().Aggregate(1L, static (count, size) => count * size.GetInt64());

    private static double[] Values(ReadOnlySpan<byte> bytes, string type) => type switch
    {
        "bfloat16" => [.. MemoryMarshal.Cast<byte,
            ushort>(bytes).ToArray().Select(static bits => (double)BitConverter.UInt32BitsToSingle((uint)bits << 16))],
        "float32" => [.. MemoryMarshal.Cast<byte, float>(bytes).ToArray().Select(static value => (double)value)],
        "int32" => [.. MemoryMarshal.Cast<byte, int>(bytes).ToArray().Select(static value => (double)value)],
        _ => throw new InvalidDataException(type),
    };

    private byte[] Initial(JsonElement array) =>
        array.TryGetProperty("file", out JsonElement file) && !file.GetString()!.EndsWith(".expected.bin", StringComparison.Ordinal)
            ? File.ReadAllBytes(Path.Combine(_folder, file.GetString()!))
            : new byte[Count(array) * ElementBytes(array)];

    private void Launch(
        CudaDevice device, CudaKernel kernel, CudaStream stream, Dictionary<string, DeviceMemoryHandle> arrays,
        List<DeviceMemoryHandle> scratch, uint shared)
    {
        Dim3 grid = Extent(_launch.GetProperty("grid"));
        JsonElement[] parameters = [.. _target.GetProperty("parameters").EnumerateArray()];
        byte[] values = new byte[8 * parameters.Length];
        for (int i = 0; i < parameters.Length; i++)
        {
            Span<byte> place = values.AsSpan(8 * i, 8);
            if (parameters[i].TryGetProperty("pointer", out JsonElement pointer))
            {
                BinaryPrimitives.WriteInt64LittleEndian(place, arrays[pointer.GetString()!].Value);
            }
            else if (parameters[i].TryGetProperty("scratch", out JsonElement bytes))
            {
                long wanted = bytes.GetInt64() * grid.X * grid.Y * grid.Z;
                if (wanted > 0)
                {
                    scratch.Add(DeviceMemoryHandle.Allocate(device.Context, wanted));
                    BinaryPrimitives.WriteInt64LittleEndian(place, scratch[^1].Value);
                }
            }
            else if (parameters[i].GetProperty("type").GetString() == "fp32")
            {
                BinaryPrimitives.WriteSingleLittleEndian(place, parameters[i].GetProperty("value").GetSingle());
            }
            else
            {
                BinaryPrimitives.WriteInt64LittleEndian(place, parameters[i].GetProperty("value").GetInt64());
            }
        }

        void** pointers = stackalloc void*[parameters.Length];
        fixed (byte* first = values)
        {
            for (int i = 0; i < parameters.Length; i++)
            {
                pointers[i] = first + (8 * i);
            }

            CudaDriver.Check(
                CudaDriver.Api.LaunchKernel(
                    kernel.Function, grid, Extent(_target.GetProperty("block")), shared, stream.Value, pointers, parameters.Length),
                "cuLaunchKernel");
        }

        stream.Synchronize();
    }

    private double Error(JsonElement array, string file, DeviceMemoryHandle memory, CudaStream stream)
    {
        string type = array.GetProperty("dtype").GetString()!;
        byte[] bytes = new byte[Count(array) * ElementBytes(array)], wanted = File.ReadAllBytes(Path.Combine(_folder, file));
        fixed (byte* target = bytes)
        {
            CudaDriver.Check(CudaDriver.Api.MemcpyDtoHAsync(target, memory.Value, (nuint)bytes.Length, stream.Value), "copy");
            stream.Synchronize();
        }

        // Wider than what the kernel stores where the file is longer.
        string wantedType = wanted.Length == bytes.Length ? type : "float32";
        double[] got = Values(bytes, type), expected = Values(wanted, wantedType);
        Assert.Equal(expected.Length, got.Length);
        double largest = expected.Max(Math.Abs), worst = 0;
        for (int i = 0; i < got.Length; i++)
        {
            double error = Math.Abs(got[i] - expected[i]);
            worst = error <= worst ? worst : double.IsNaN(error) ? double.PositiveInfinity : error;
        }

        return worst / largest;
    }
}
