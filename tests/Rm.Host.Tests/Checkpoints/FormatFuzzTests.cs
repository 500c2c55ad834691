using System.Buffers.Binary;
using System.Text;
using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Safetensors;
using Rm.Training.Adapters;
using Rm.Training.Model;

namespace Rm.Host.Tests.Checkpoints;

/// <summary>
/// Damaged files of every format: each is either read or refused with a <see cref="UserInputException"/>; nothing else escapes.
/// BTRM_FUZZ_ITERATIONS sets the number of files of each kind, BTRM_FUZZ_SEED the first seed.
/// </summary>
public sealed class FormatFuzzTests : IDisposable
{
    private static readonly int Iterations = Setting("BTRM_FUZZ_ITERATIONS", 1000);
    private static readonly int FirstSeed = Setting("BTRM_FUZZ_SEED", 1);
    private static readonly string Cases = Path.Combine(TestPaths.Golden, "cases");

    private static readonly string[] Fragments =
    [
        "-1", "0", "1e999", "9223372036854775807", "18446744073709551616", "null", "true", "[]", "{}", "\"\"", "\"\\ud800\"", "[[[[",
        "\u0000",
        "\"F32\"", "\"BF16\"", "\"../x\"", "4294967296", "0.5", ",", ":", "}", "]", "\"", "1,1", "NaN", "\"__metadata__\":{}", "\"r\":4",
    ];

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Safetensors_files()
    {
        byte[] original = File.ReadAllBytes(Path.Combine(Cases, "qwen2-tiny", "adapter", AdapterFiles.Weights));
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(original);
        Fuzz(random =>
        {
            byte[] header = Mutate(original.AsSpan(8, headerLength), random);
            byte[] data = random.Next(8) == 0 ? original[(8 + headerLength)..^random.Next(1, 64)] : original[(8 + headerLength)..];
            byte[] file = SafetensorsBytes.Make(header, data);
            if (random.Next(8) == 0)
            {
                file[random.Next(8)] = (byte)random.Next(256);
            }

            _folder.Write("f.safetensors", file);
            using var opened = SafetensorsFile.Open(_folder["f.safetensors"]);
            foreach (SafetensorsTensor? tensor in opened.Tensors.Values.Where(t => t.ElementCount < 1 << 20))
            {
                opened.ReadFloat32(tensor.Name, new float[tensor.ElementCount]);
            }
        });
    }

    [Fact]
    public void Configurations()
    {
        byte[][] originals =
            Directory.GetFiles(Cases, ModelConfig.FileName, SearchOption.AllDirectories).Select(File.ReadAllBytes).ToArray();
        Fuzz(random =>
        {
            var config = ModelConfig.Parse(Mutate(originals[random.Next(originals.Length)], random), "config.json");
            ModelConfig.Parse(config.ToJson("bfloat16", 0), "written");
            Assert.Equal(0, config.Heads % config.KvHeads);
            Assert.True(config.HeadDim % 2 == 0 && config.HiddenSize > 0);
        });
    }

    [Fact]
    public void Adapters()
    {
        string golden = Path.Combine(Cases, "qwen2-tiny", "adapter");
        var model = ModelConfig.Load(Path.Combine(Cases, "qwen2-tiny", "model"));
        byte[] config = File.ReadAllBytes(Path.Combine(golden, AdapterFiles.Config));
        byte[] weights = File.ReadAllBytes(Path.Combine(golden, AdapterFiles.Weights));
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(weights);
        Fuzz(random =>
        {
            bool badConfig = random.Next(2) == 0;
            _folder.Write(AdapterFiles.Config, badConfig ? Mutate(config, random) : config);
            _folder.Write(AdapterFiles.Weights, badConfig ? weights
                : SafetensorsBytes.Make(Mutate(weights.AsSpan(8, headerLength), random), weights[(8 + headerLength)..]));
            using var adapter = AdapterFolder.Read(_folder.Path);
            AdapterConfig.Parse(adapter.Config.ToJson(), "written");
            foreach (LinearModule module in adapter.Check(model).TargetModules)
            {
                adapter.ReadFloat32(AdapterNames.LoraA(1, module), new float[adapter.Config.Rank]);
            }
        });
    }

    [Fact]
    public void Shard_indexes()
    {
        foreach (string? shard in new[] { "a", "b" })
        {
            using FileStream stream = File.Create(_folder[$"{shard}.safetensors"]);
            SafetensorsWriter.Write(stream, [TensorToWrite.FromMemory(shard, [1], new float[1])]);
        }

        byte[] index = """{"metadata":{"total_size":8},"weight_map":{"a":"a.safetensors","b":"b.safetensors"}}"""u8.ToArray();
        Fuzz(random =>
        {
            _folder.Write(SafetensorsCheckpoint.IndexFileName, Mutate(index, random));
            using var checkpoint = SafetensorsCheckpoint.Open(_folder.Path);
            Assert.All(checkpoint.Names, name => checkpoint.ReadFloat32(name, new float[1]));
        });
    }

    [Fact]
    public void Logs()
    {
        byte[] log = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 40).Select(step => $$"""{"step":{{step}},"loss":0.5}""" + "\n")));
        Fuzz(random =>
        {
            _folder.Write("metrics.jsonl", Mutate(log, random));
            using (var opened = AppendOnlyLog.Open(_folder["metrics.jsonl"]))
            {
                opened.TruncateAfter(random.Next(40));
                opened.Append("{}");
            }

            // What it leaves, it accepts.
            AppendOnlyLog.Open(_folder["metrics.jsonl"]).Dispose();
        }, Math.Max(1, Iterations / 10)); // each waits for the disk twice

    }

    private static void Fuzz(Action<Random> attempt, int? iterations = null)
    {
        int count = iterations ?? Iterations;
        int read = 0, refused = 0;
        for (int seed = FirstSeed; seed < FirstSeed + count; seed++)
        {
            try
            {
                attempt(new Random(seed));
                read++;
            }
            catch (UserInputException e)
            {
                Assert.NotEmpty(e.Message);
                refused++;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"BTRM_FUZZ_SEED={seed}: {e.GetType().Name} escaped: {e.Message}", e);
            }
        }

        // Mutations that are all refused at the first byte, or never, would test nothing.
        Assert.True(count < 100 || (read > 0 && refused > 0), $"{read} files were read and {refused} refused");
    }

    private static byte[] Mutate(ReadOnlySpan<byte> original, Random random)
    {
        List<byte> bytes = original.ToArray().ToList();
        for (int change = random.Next(1, 4); change > 0 && bytes.Count > 0; change--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(7))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 40), bytes.Count - at));
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 80), bytes.Count - at)));
                    break;
                case 3:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Fragments[random.Next(Fragments.Length)]));
                    break;
                default:
                    ReplaceValue(bytes, at, random);
                    break;
            }
        }

        return [.. bytes];
    }

    // A fragment in place of the JSON scalar after a colon, comma or bracket: the file stays well-formed more often.
    private static void ReplaceValue(List<byte> bytes, int at, Random random)
    {
        int start = bytes.FindIndex(at, b => b is (byte)':' or (byte)'[' or (byte)',') + 1;
        int end = start == 0 ? -1 : bytes.FindIndex(start, b => b is (byte)',' or (byte)']' or (byte)'}' or (byte)'\n');
        if (end > start)
        {
            bytes.RemoveRange(start, end - start);
            bytes.InsertRange(start, Encoding.UTF8.GetBytes(Fragments[random.Next(Fragments.Length)]));
        }
    }

    private static int Setting(string name, int fallback) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), out int value) ? value : fallback;
}
