using System.Text.Json;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// Every case of tests/golden/real-files through the command line: what Hugging Face's libraries make of files of its kind.
/// </summary>
public sealed class RealFileCaseTests
{
    // The post-processor gives a text an id that the tokenizer itself does not use: refused, naming it.
    private const string Contradictory = "tok-added-ids-with-gap";

    private static readonly string root = Path.Combine(TestPaths.Golden, "real-files");

    public static TheoryData<string> Cases => [.. Directory.GetDirectories(root)
        .Where(folder => File.Exists(Path.Combine(folder, "expected.json"))).Select(folder => Path.GetFileName(folder)!)
        .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_case_gives_what_Hugging_Face_gives(string name)
    {
        string folder = Path.Combine(root, name);
        using var scratch = new ScratchFolder();
        var expected = JsonElement.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        string[] show = ["data", "show", "--tokenizer", Path.Combine(folder, "tokenizer"), "--input", Path.Combine(folder, "input.jsonl"),
            "--output", scratch["out.jsonl"]];
        if (name == Contradictory)
        {
            Btrm.Fail(2, show, "post_processor adds token id 300");
            return;
        }

        if (expected.TryGetProperty("ids", out JsonElement ids))
        {
            AssertIds(ids, Rows(scratch, show));
            if (expected.TryGetProperty("ids_special", out JsonElement special))
            {
                AssertIds(special, Rows(scratch, [.. show, "--add-special-tokens"]), mayDouble: true);
            }
        }
        else if (expected.TryGetProperty("texts", out JsonElement texts))
        {
            Assert.Equal(texts.EnumerateArray().Select(text => text.GetString()),
                Rows(scratch, show).Select(row => row.GetProperty("text").GetString()));
        }
        else if (expected.TryGetProperty("rewards", out JsonElement rewards))
        {
            string[] adapter = Directory.Exists(Path.Combine(folder, "adapter")) ? ["--adapter", Path.Combine(folder, "adapter")] : [];
            JsonElement[] rows = Rows(
                scratch,
                [
                    "score", "--model", Path.Combine(folder, "model"), "--input", Path.Combine(folder, "input.jsonl"), "--output",
                    scratch["out.jsonl"],
                    "--device", "cpu", .. adapter,
                ]);
            Assert.Equal(rewards.GetArrayLength(), rows.Length);
            foreach ((JsonElement want, JsonElement row) in rewards.EnumerateArray().Zip(rows))
            {
                double reward = want.GetDouble();
                Assert.InRange(Math.Abs(row.GetProperty("reward").GetDouble() - reward), 0, 1e-4 * (1 + Math.Abs(reward)));
            }
        }
        else
        {
            Btrm.Succeed("merge", "--adapter", Path.Combine(folder, "adapter"), "--model", Path.Combine(folder, "model"), "--output-dir",
                scratch["merged"]);
            foreach (JsonProperty file in expected.GetProperty("files").EnumerateObject())
            {
                Assert.Equal(file.Value.GetString(), File.ReadAllText(scratch["merged/" + file.Name]));
            }
        }
    }

    [Theory]
    [InlineData("rows-in-the-wild/helpsteer3", "")]
    [InlineData("rows-in-the-wild/nectar", "")]
    [InlineData("rows-in-the-wild/nemo", "")]
    [InlineData("rows-in-the-wild/pku", "")]
    [InlineData("rows-in-the-wild/sharegpt", "")]
    [InlineData("row-prompt-columns/input", "<|im_start|>system\nYou are kind.<|im_end|>\n")]
    [InlineData("row-system-column/input", "<|im_start|>system\nBe brief.<|im_end|>\n")]
    public void Rows_of_public_layouts_are_read_as_conversations(string file, string system)
    {
        string rows = Path.Combine(root, file + ".jsonl");
        CommandResult result = Btrm.Succeed(
            "data", "report", "--tokenizer", Path.Combine(TestPaths.Golden, "tokenizers", "smollm2"), "--train-file", rows, "--json");
        JsonElement train = JsonElement.Parse(result.Output).GetProperty("train");
        Assert.Equal(4, train.GetProperty("pairs_kept").GetInt32());
        string[] sides = [.. new[] { "chosen", "rejected" }.Select(
            side => train.GetProperty("first_pair").GetProperty(side).GetProperty("text").GetString()!)];
        Assert.EndsWith(
            "<|im_start|>user\nHow do I boil an egg?<|im_end|>\n<|im_start|>assistant\nPut it in boiling water for nine "
                + "minutes.<|im_end|>\n", sides[0], StringComparison.Ordinal);
        Assert.EndsWith("<|im_start|>user\nHow do I boil an egg?<|im_end|>\n<|im_start|>assistant\nNo.<|im_end|>\n", sides[1],
            StringComparison.Ordinal);
        Assert.All(sides, side => Assert.StartsWith(system, side, StringComparison.Ordinal));
    }

    private static JsonElement[] Rows(ScratchFolder scratch, string[] command)
    {
        Btrm.Succeed(command);
        return IdRows.Read(scratch["out.jsonl"]);
    }

    // A text that begins with the BOS already gets another from Hugging Face; special tokens are never doubled here.
    private static void AssertIds(JsonElement expected, JsonElement[] rows, bool mayDouble = false)
    {
        Assert.Equal(expected.GetArrayLength(), rows.Length);
        int? added = expected[0].GetArrayLength() == 1 ? expected[0][0].GetInt32() : null; // of the empty text
        foreach ((JsonElement want, JsonElement row) in expected.EnumerateArray().Zip(rows))
        {
            int[] ids = [.. want.EnumerateArray().Select(id => id.GetInt32())];
            int[] single = mayDouble && ids.Length > 1 && ids[0] == ids[1] && ids[0] == added ? ids[1..] : ids;
            Assert.Equal(single, row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()));
        }
    }
}
