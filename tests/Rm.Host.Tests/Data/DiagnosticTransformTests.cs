using Rm.Formats.Datasets;
using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

/// <summary>What each diagnostic does to rows, and what it leaves alone.</summary>
public sealed class DiagnosticTransformTests : IDisposable
{
    private const int Count = 200;

    private readonly ScratchFolder _folder = new();
    private readonly PairTokenizer _tokenizer = new(new FakeEncoder(), new FakeTemplate(), new TextOptions());

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(0.25)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void Label_shuffle_swaps_exactly_its_share(double rate)
    {
        PairDataset real = Load(null), shuffled = Load(new DiagnosticOptions(DiagnosticMode.LabelShuffle, rate));
        int swapped = 0;
        foreach ((PreferencePair before, PreferencePair after) in real.Pairs.Zip(shuffled.Pairs))
        {
            Assert.Equal((before.RowIndex, before.PromptHash), (after.RowIndex, after.PromptHash));
            bool isSwapped = before.Chosen.SequenceEqual(after.Rejected) && before.Rejected.SequenceEqual(after.Chosen);
            Assert.True(isSwapped || (before.Chosen.SequenceEqual(after.Chosen) && before.Rejected.SequenceEqual(after.Rejected)));
            swapped += isSwapped ? 1 : 0;
        }

        Assert.Equal((int)(rate * Count), swapped);
        Assert.Equal((Count, swapped), (shuffled.Report.Diagnostic!.Rows, shuffled.Report.Diagnostic.RowsChanged));
    }

    [Fact]
    public void Label_shuffle_leaves_length_no_advantage()
    {
        // Longer is better in all of these rows; after the shuffle it must be in about half of them, and not by chance of the draw.
        Assert.All(Load(null).Pairs, pair => Assert.True(pair.Chosen.Length > pair.Rejected.Length));
        for (ulong seed = 0; seed < 20; seed++)
        {
            double gap = Load(new DiagnosticOptions(DiagnosticMode.LabelShuffle, Seed: seed))
                .Pairs.Average(p => (double)p.Chosen.Length - p.Rejected.Length);
            Assert.InRange(gap, -0.3, 0.3);
        }
    }

    [Theory]
    [InlineData(DiagnosticMode.LabelShuffle)]
    [InlineData(DiagnosticMode.PromptOnly)]
    [InlineData(DiagnosticMode.RandomNegatives)]
    [InlineData(DiagnosticMode.LengthMatched)]
    public void The_seed_decides_and_nothing_else(DiagnosticMode mode)
    {
        string Hash(ulong seed) => Load(new DiagnosticOptions(mode, Seed: seed, LengthThreshold: 4)).Fingerprint.PairsSha256;

        Assert.Equal(Hash(1), Hash(1));
        Assert.NotEqual(Load(null).Fingerprint.PairsSha256, Hash(1));
        Assert.Equal(mode is DiagnosticMode.PromptOnly or DiagnosticMode.LengthMatched, Hash(1) == Hash(2));
    }

    [Fact]
    public void Prompt_only_keeps_every_pair_with_two_equal_sides()
    {
        PairDataset data = Load(new DiagnosticOptions(DiagnosticMode.PromptOnly));

        Assert.Equal(Count, data.Pairs.Count);
        Assert.Equal(0, data.Report.Diagnostic!.PairsTellingApart);
        Assert.Null(data.Report.Dropped.Keys.Cast<DropReason?>().FirstOrDefault());
        foreach (PreferencePair pair in data.Pairs)
        {
            Assert.Equal(pair.Chosen, pair.Rejected);
            Assert.Equal(pair.Chosen.Length - 1, pair.PrefixLength);
        }

        string first = new FakeEncoder().Decode(data.Pairs[0].Chosen);
        Assert.Equal("<|start|>u:question 0<|end|>\n<|start|>a:[empty]<|end|>\n", first);
    }

    [Theory]
    [InlineData("""{"chosen":"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d","rejected":"\n\nHuman: a\n\nAssistant: x\n\nHuman: y\n\nAssistant: z"}""",
        "<|start|>u:a<|end|>\n<|start|>a:[empty]<|end|>\n", "\n\nHuman: a\n\nAssistant: [empty]<|end|>")]
    [InlineData("""{"chosen":"\n\nHuman: a\n\nAssistant: d","rejected":"\n\nHuman: a\n\nAssistant: dz"}""",
        "<|start|>u:a<|end|>\n<|start|>a:[empty]<|end|>\n", "\n\nHuman: a\n\nAssistant: [empty]<|end|>")]
    [InlineData("""{"prompt":"p ","chosen":"c","rejected":"r"}""", "<|start|>u:p <|end|>\n<|start|>a:[empty]<|end|>\n", "p [empty]<|end|>")]
    [InlineData("""{"chosen":"same start: yes","rejected":"same start: no"}""", "same start: [empty]<|end|>", "same start: [empty]<|end|>")]
    [InlineData("""{"chosen_ids":[113,114,97],"rejected_ids":[113,114,98,99]}""", "qr[empty]", "qr[empty]")]
    public void Prompt_only_replaces_responses_of_every_kind_of_row(string row, string templated, string plain)
    {
        PairRow changed = ResponseReplacement.WithoutResponses(Rows.Pair(row), new FakeEncoder());

        Assert.Equal(templated, Text(_tokenizer.Tokenize(changed, 0, keepIdentical: true).Pair!.Chosen));
        var concatenating = new PairTokenizer(new FakeEncoder(), null, new TextOptions(UseChatTemplate: false));
        Assert.Equal(plain, Text(concatenating.Tokenize(changed, 0, keepIdentical: true).Pair!.Rejected));
        Assert.Equal(DropReason.IdenticalSides, _tokenizer.Tokenize(changed, 0).Dropped);
    }

    [Fact]
    public void A_pipeline_that_marks_a_side_is_counted()
    {
        var data = PairDataset.LoadSelected(
            Source(), new LeakyTokenizer(_tokenizer), new LoadOptions(new RowSelection(), new DiagnosticOptions(DiagnosticMode.PromptOnly)),
            TestContext.Current.CancellationToken);

        Assert.Equal(Count, data.Report.Diagnostic!.PairsTellingApart);
        Assert.Equal((' ', Count, 0L, 1.0), ((char)data.Report.ShortcutToken!.Id, data.Report.ShortcutToken.ChosenOnly,
            data.Report.ShortcutToken.RejectedOnly, data.Report.ShortcutToken.Accuracy));
    }

    [Fact]
    public void Random_negatives_never_answer_the_same_prompt_or_post()
    {
        var owners =
            RowTexts().SelectMany(row => new[] { (row.A, row.Prompt, row.Post), (row.B, row.Prompt, row.Post) })
            .ToDictionary(r => r.Item1, r => (r.Prompt, r.Post));
        for (ulong seed = 0; seed < 5; seed++)
        {
            PairDataset real = Load(null), data = Load(new DiagnosticOptions(DiagnosticMode.RandomNegatives, Seed: seed));
            Assert.Equal(Count, data.Pairs.Count);
            Assert.Equal(Count, data.Report.Diagnostic!.RowsChanged);
            var drawn = new HashSet<string>();
            foreach ((PreferencePair before, PreferencePair after) in real.Pairs.Zip(data.Pairs))
            {
                Assert.Equal(before.Chosen, after.Chosen);
                Assert.Equal(before.PromptHash, after.PromptHash);
                (string prompt, string negative) = Split(after.Rejected);
                Assert.Equal(Split(before.Chosen).Prompt, prompt);
                Assert.NotEqual(prompt, owners[negative].Prompt);
                Assert.NotEqual(owners[Split(before.Chosen).Response].Post, owners[negative].Post);
                drawn.Add(negative);
            }

            // 200 draws of 400 responses: about 157 different ones.
            Assert.InRange(drawn.Count, 120, 190);
        }
    }

    [Fact]
    public void Random_negatives_of_token_ids_keep_the_prompt()
    {
        string path = _folder.Write("ids.jsonl", """
            {"chosen_ids":[1,2,3],"rejected_ids":[1,2,4]}
            {"chosen_ids":[5,6],"rejected_ids":[5,7,8]}
            """);
        var data = PairDataset.LoadSelected(
            RowSource.OpenFile(path), new PairTokenizer(null, null, new TextOptions()),
            new LoadOptions(new RowSelection(), new DiagnosticOptions(DiagnosticMode.RandomNegatives)),
            TestContext.Current.CancellationToken);

        Assert.Contains(data.Pairs[0].Rejected, new int[][] { [1, 2, 6], [1, 2, 7, 8] });
        Assert.Contains(data.Pairs[1].Rejected, new int[][] { [5, 3], [5, 4] });
    }

    [Fact]
    public void Random_negatives_need_another_prompt()
    {
        string path = _folder.Write("one.jsonl", """{"prompt":"p","chosen":"c","rejected":"r"}""" + "\n" + """{"prompt":"p","chosen":"d","rejected":"s"}""");
        string message = Rows.Error(() => PairDataset.LoadSelected(
            RowSource.OpenFile(path), _tokenizer,
            new LoadOptions(new RowSelection(), new DiagnosticOptions(DiagnosticMode.RandomNegatives))));
        Assert.Contains("line 1", message, StringComparison.Ordinal);
        Assert.Contains("two prompts", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Length_matched_keeps_exactly_the_pairs_below_the_threshold()
    {
        PairDataset real = Load(null), matched = Load(new DiagnosticOptions(DiagnosticMode.LengthMatched, LengthThreshold: 4));
        long[] expected = [.. real.Pairs.Where(p => Math.Abs(p.Chosen.Length - p.Rejected.Length) < 4).Select(p => p.RowIndex)];

        Assert.NotEmpty(expected);
        Assert.True(expected.Length < Count);
        Assert.Equal(expected, matched.Pairs.Select(p => p.RowIndex));
        Assert.Equal(Count - expected.Length, matched.Report.Diagnostic!.PairsRemoved);
        Assert.Equal(Count - expected.Length, matched.Report.Dropped[DropReason.LengthsDiffer]);
    }

    private PairDataset Load(DiagnosticOptions? diagnostic) =>
        PairDataset.LoadSelected(
            Source(), _tokenizer, new LoadOptions(new RowSelection(), diagnostic), TestContext.Current.CancellationToken);

    private IRowSource Source() => RowSource.OpenFile(_folder.Write("rows.jsonl", string.Concat(RowTexts().Select(row =>
        $$"""{"prompt":[{"role":"user","content":"{{row.Prompt}}"}],"chosen":[{"role":"assistant","content":"{{row.A}}"}],"rejected":[{"role":"assistant","content":"{{row.B}}"}],"post_id":"{{row.Post}}"}""" + "\n"))));

    // Three prompts a post, two rows a prompt; the longer answer is preferred, by 1 to 9 characters.
    private static IEnumerable<(string Prompt, string A, string B, string Post)> RowTexts() => Enumerable.Range(0, Count).Select(i =>
        ($"question {i / 2}", $"answer{i:000}{new string('y', (i % 9) + 1)}", $"answer{i + 500}", $"post{i / 6}"));

    private static string Text(int[] ids) => new FakeEncoder().Decode(ids);

    private static (string Prompt, string Response) Split(int[] ids)
    {
        string[] parts = Text(ids).Split("<|end|>\n<|start|>a:");
        return (parts[0]["<|start|>u:".Length..], parts[1].Split("<|end|>")[0]);
    }
}
