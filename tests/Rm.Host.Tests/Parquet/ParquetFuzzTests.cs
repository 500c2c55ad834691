using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Rm.Formats;
using Rm.Formats.Rows;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.Parquet;

/// <summary>
/// Damaged files end in rows or in a named error, never in another exception, and never take memory beyond what their size and rows
/// justify. BTRM_FUZZ_ITERATIONS sets how many, BTRM_FUZZ_SEED the first seed.
/// </summary>
public class ParquetFuzzTests
{
    private const int MaxFileBytes = 20_000;
    private const int MaxRows = 500;

    // A hundred times what any of them takes.
    private const long MaxAllocatedBytes = 64 << 20;

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

    // Two of three files keep their length and footer, so that pages and values are reached; the others break anywhere.
    private static byte[] Mutate(byte[] bytes, byte[] other, Random random)
    {
        var mutated = new List<byte>(bytes);
        bool inPages = random.Next(3) > 0;
        int pages = bytes.Length - 8 - BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(bytes.Length - 8));
        for (int edits = 1 + random.Next(random.Next(2) == 0 ? 1 : 8); edits > 0; edits--)
        {
            int at = random.Next(inPages ? pages : mutated.Count);
            int count = Math.Min(random.Next(1, 16), (inPages ? pages : mutated.Count) - at);
            switch (random.Next(inPages ? 5 : 7))
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
                    // A long number of ones.
                    CollectionsMarshal.AsSpan(mutated).Slice(at, count).Fill(0xFF);
                    break;
                case 4:
                    int from = random.Next(other.Length);
                    for (int i = 0; i < count && from + i < other.Length; i++)
                    {
                        mutated[at + i] = other[from + i];
                    }

                    break;
                case 5:
                    mutated.InsertRange(at, Enumerable.Range(0, count).Select(_ => (byte)random.Next(256)));
                    break;
                default:
                    mutated.RemoveRange(at, Math.Min(count, mutated.Count - 1));
                    break;
            }
        }

        return !inPages && random.Next(10) == 0 ? [.. mutated.Take(random.Next(mutated.Count))] : [.. mutated];
    }
}
