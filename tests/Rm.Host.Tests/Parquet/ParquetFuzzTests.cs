using Rm.Host.Data;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.Parquet;

/// <summary>
/// Damaged files end in rows or in a named error, never in another exception, and never take memory beyond what their size and rows justify.
/// BTRM_FUZZ_ITERATIONS sets how many, BTRM_FUZZ_SEED the first seed.
/// </summary>
public class ParquetFuzzTests
{
    private const int MaxFileBytes = 20_000;
    private const int MaxRows = 500;

    // Columns, buffers and decompressed pages of a small file; a page that really holds 64 MiB of one letter stays possible.
    private const long MaxAllocatedBytes = 1L << 30;

    [Fact]
    public void MutatedFilesGiveRowsOrNamedErrors()
    {
        (string Name, byte[] Bytes)[] files = [.. ParquetFiles.In("made").Concat(ParquetFiles.In("apache"))
            .Select(name => (name, ParquetFiles.Bytes(name))).Where(file => file.Item2.Length <= MaxFileBytes)];
        int first = int.Parse(Environment.GetEnvironmentVariable("BTRM_FUZZ_SEED") ?? "1");
        int readable = 0, refused = 0;
        for (int seed = first; seed < first + FuzzSettings.Iterations(2000); seed++)
        {
            var random = new Random(seed);
            (string name, byte[] bytes) = files[random.Next(files.Length)];
            byte[] mutated = Mutate(bytes, files[random.Next(files.Length)].Bytes, random);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                foreach (DataRow row in ParquetFiles.Read(mutated, MaxRows))
                {
                    Assert.NotEmpty(row.ColumnNames);
                }
                readable++;
            }
            catch (UserInputException e)
            {
                Assert.StartsWith("memory.parquet", e.Message, StringComparison.Ordinal);
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, {name}: {e}");
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxAllocatedBytes, $"seed {seed}, {name}: {allocated} bytes allocated");
        }
        Assert.True(readable > 0 && refused > 0, $"{readable} readable, {refused} refused");
    }

    private static byte[] Mutate(byte[] bytes, byte[] other, Random random)
    {
        var mutated = new List<byte>(bytes);
        for (int edits = 1 + random.Next(random.Next(2) == 0 ? 1 : 8); edits > 0; edits--)
        {
            // Footers and page headers are small beside the values, so half of the edits aim at the end.
            int at = random.Next(2) == 0 ? random.Next(mutated.Count) : Math.Max(0, mutated.Count - 1 - random.Next(1500));
            switch (random.Next(7))
            {
                case 0:
                    mutated[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    mutated[at] = (byte)random.Next(256);
                    break;
                case 2:
                    mutated[at] = random.Next(2) == 0 ? (byte)0xFF : (byte)0;
                    break;
                case 3:
                    mutated.InsertRange(at, Enumerable.Range(0, 1 + random.Next(8)).Select(_ => (byte)random.Next(256)));
                    break;
                case 4:
                    mutated.RemoveRange(at, Math.Min(mutated.Count - at - 1, random.Next(16)));
                    break;
                case 5:
                    // A number written as a varint of all ones.
                    for (int i = at; i < Math.Min(at + random.Next(1, 6), mutated.Count); i++)
                    {
                        mutated[i] = 0xFF;
                    }
                    break;
                default:
                    int from = random.Next(other.Length);
                    int count = Math.Min(random.Next(64), Math.Min(other.Length - from, mutated.Count - at));
                    for (int i = 0; i < count; i++)
                    {
                        mutated[at + i] = other[from + i];
                    }
                    break;
            }
        }
        return random.Next(20) == 0 ? [.. mutated.Take(random.Next(mutated.Count))] : [.. mutated];
    }
}
