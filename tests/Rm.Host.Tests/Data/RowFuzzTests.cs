using System.Globalization;
using System.Text;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

/// <summary>
/// Mutated data files: whatever the bytes, a file is read or refused with an error that names it. BTRM_FUZZ_ITERATIONS sets how many files
/// are tried for each format.
/// </summary>
public sealed class RowFuzzTests : IDisposable
{
    private const string Lines =
        """
        {"prompt":"p","chosen":"c é 😀","rejected":"r","margin":0.5,"weight":1}
        {"chosen":[{"role":"user","content":"p"},{"role":"assistant","content":[{"type":"text","text":"c"}]}],"rejected":[{"role":"user","content":"p\ud83d\ude00"}]}
        {"chosen":"\n\nHuman: a\n\nAssistant: b","rejected":"\n\nHuman: a\n\nAssistant: x"}
        {"history":"h","human_ref_A":"a","human_ref_B":"b","labels":1,"score_ratio":2.0,"domain":"d"}
        {"chosen_ids":[1,2,3],"rejected_ids":[1,4]}

        """;

    private const string Csv = "prompt,chosen,rejected,weight\r\np,\"c, \"\"q\"\"\nsecond\",r,1\nq,c,\"\",0.5\n\n\"\",é,😀,\n";

    private static readonly string[] Spice =
    [
        "{", "}", "[", "]", "\"", "\"\"", ",", ":", "\n", "\r\n", "\\", "\\ud800", "null", "-1", "1e999",
        "\0", "\uFEFF", "data", "\"data\":[", "chosen", "chosen_ids", "labels",
    ];

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("fuzz.jsonl")]
    [InlineData("fuzz.json")]
    [InlineData("fuzz.csv")]
    [InlineData("fuzz.jsonl.gz")]
    public void MutatedFilesAreReadOrRefusedByName(string name)
    {
        byte[] whole = Encoding.UTF8.GetBytes(name switch
        {
            "fuzz.csv" => Csv,
            "fuzz.json" => "{\"version\":1,\"data\":[" + string.Join(",\n", Lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                + "],\"more\":{}}",
            _ => Lines,
        });
        byte[] original = name.EndsWith(".gz", StringComparison.Ordinal) ? ScratchFolder.Gzip(whole) : whole;
        var tokenizer = new PairTokenizer(new FakeEncoder("c ", "as"), new FakeTemplate(), new TextOptions(MaxSeqLen: 24));
        int read = 0;
        int refused = 0;
        int first = Setting("BTRM_FUZZ_SEED", 0);
        int end = first + Math.Max(2, Setting("BTRM_FUZZ_ITERATIONS", 500));
        for (int seed = first; seed < end; seed++)
        {
            string path = _folder.WriteRaw(name, seed == first ? original : Mutate(original, seed));
            try
            {
                PairDataset.Load(RowSource.OpenFile(path), tokenizer, cancellation: TestContext.Current.CancellationToken);
                read++;
            }
            catch (UserInputException e)
            {
                refused++;
                Assert.True(e.Message.Contains(path, StringComparison.Ordinal), $"seed {seed} of {name}: {e.Message}");
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed} of {name}: {e}");
            }
        }
        // Mutations must neither all be harmless nor all be fatal, or the loop would test one path alone.
        Assert.True(read > 0 && refused > 0, $"{read} read, {refused} refused");
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    private static byte[] Mutate(byte[] original, int seed)
    {
        var random = new Random(seed);
        List<byte> bytes = [.. original];
        for (int edits = random.Next(1, 5); edits > 0 && bytes.Count > 0; edits--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at));
                    break;
                case 3:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Spice[random.Next(Spice.Length)]));
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 60), bytes.Count - at)));
                    break;
                default:
                    bytes.RemoveRange(at, random.Next(4) == 0 ? bytes.Count - at : 1);
                    break;
            }
        }

        return [.. bytes];
    }
}
