using System.Text;
using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

public sealed class SplitRegexTests
{
    [Theory]
    [InlineData(WordScanner.Gpt2Pattern)]
    [InlineData(WordScanner.QwenPattern)]
    [InlineData(WordScanner.Llama3Pattern)]
    public void The_hand_written_scanner_and_the_interpreter_agree(string pattern)
    {
        WordScanner fast = WordScanner.For(pattern), general = SplitRegex.Parse(pattern);
        Assert.IsNotType<SplitRegex>(fast);
        foreach ((string text, _) in GoldenRows.Read(Path.Combine("tokenizer", "qwen2.5.jsonl")))
        {
            Assert.Equal(Cut(general, text), Cut(fast, text));
        }

        int seed = 17;
        for (int i = 0; i < FuzzSettings.Iterations(4000); i++)
        {
            string text = RandomText(new Random(seed + i));
            Assert.True(Cut(general, text).SequenceEqual(Cut(fast, text)), $"seed {seed + i}: {FuzzSettings.Escape(text)}");
        }
    }

    [Theory]
    [InlineData("a|ab", "ab", "a|b")]
    [InlineData("(?:ab|a)c?", "abcacaab", "abc|ac|a|ab")]
    [InlineData("(ab)+", "xababay", "x|abab|ay")]
    [InlineData("(?:ab){2,3}", "ababababab", "ababab|abab")]
    [InlineData("(?:a|b){0,2}c", "abcbaac", "abc|b|aac")]
    [InlineData("a{2}", "aaaaa", "aa|aa|a")]
    [InlineData("a{2,}b", "aaabab", "aaab|ab")]
    [InlineData("(?=ab)a", "acab", "ac|a|b")]
    [InlineData("(?i:straße|k)", "STRASSE Straßek\u212A", "STRASSE |Straße|k|\u212A")]
    [InlineData("(?i:[a-c])x", "AxdXCx", "Ax|dX|Cx")]
    [InlineData(@"[\x41-\u0043\x{1F600}]", "ABD\U0001F600", "A|B|D|\U0001F600")]
    [InlineData(@"[^\P{Lu}]", "aBc", "a|B|c")]
    [InlineData(@"[\]\-\\^]", "]-\\^a", "]|-|\\|^|a")]
    [InlineData("[a-]", "-ab", "-|a|b")]
    [InlineData(@"\p{^L}", "a1b", "a|1|b")]
    [InlineData(@".+", "ab\ncd", "ab|\n|cd")]
    [InlineData(@"\d\w\W\D\S", "a1b!?x", "a|1b!?x")]
    [InlineData("a++b|a", "aaba", "aab|a")]
    [InlineData("a++ab|a", "aaab", "a|a|a|b")]
    [InlineData("(?>a|ab)c|b", "abcac", "a|b|c|ac")]
    [InlineData("a?+ab|b", "aabab", "aab|a|b")]
    [InlineData("a{1,2}+b", "aaaaab", "aaaaab")]
    [InlineData("a+?b?", "aaab", "a|a|ab")]
    [InlineData("a{2}?b", "aabb", "aab|b")]
    [InlineData("a{1,3}?", "aaa", "a|a|a")]
    [InlineData("a{,2}b", "aaabb", "a|aab|b")]
    [InlineData("^a", "aa\na\n", "a|a\n|a|\n")]
    [InlineData("a$", "aa\naa", "a|a|\na|a")]
    [InlineData(@"\Aa|a\z|a\Z", "aaa\n", "a|a|a|\n")]
    [InlineData(@"\bab|b\B", "abbab", "ab|b|ab")]
    [InlineData("(?<=a)b", "abbab", "a|b|ba|b")]
    [InlineData("(?<!a|c)b", "abbcb", "ab|b|cb")]
    [InlineData("a(?i)b|c", "aBac", "aB|ac")]
    [InlineData("[a[bc]]+", "xabcy", "x|abc|y")]
    [InlineData("[a-f&&[^b-c]]+", "abcdef", "a|bc|def")]
    [InlineData("[^a-c&&b-d]", "abcd", "a|bc|d")]
    [InlineData(@"\w+", "a½²b-", "a½²b|-")]
    [InlineData(@"[\w-]+", "a½-b", "a|½|-b")]
    [InlineData(@"\p{Han}+", "a漢字b々〇", "a|漢字|b|々〇")]
    [InlineData(@"[\p{L}&&[^\p{Han}\p{hiragana}]]+", "漢a字ひb", "漢|a|字ひ|b")]
    [InlineData(@"\x{10400}+", "\U00010400\U00010400a", "\U00010400\U00010400|a")]
    public void Patterns_mean_what_Oniguruma_means(string pattern, string text, string pieces) =>
        Assert.Equal(pieces.Split('|'), Cut(SplitRegex.Parse(pattern), text));

    [Theory]
    [InlineData("", "matches the empty string")]
    [InlineData("a*", "matches the empty string")]
    [InlineData("a|", "matches the empty string")]
    [InlineData("(?=a)", "matches the empty string")]
    [InlineData("(?:a*)+b", "repeated group that can match the empty string")]
    [InlineData("a+*", "doubled quantifier")]
    [InlineData("a+??", "doubled quantifier")]
    [InlineData("^", "matches the empty string")]
    [InlineData("a$*", "quantifier '*' without")]
    [InlineData("(?<!a+)b", "look-behind of varying or great length")]
    [InlineData("+a", "quantifier '+' without")]
    [InlineData("(?<n>a)b", "group '(?<n'")]
    [InlineData("(?m)a", "group '(?m)'")]
    [InlineData("(a", "group without its ')'")]
    [InlineData("a)", "unmatched ')'")]
    [InlineData("[a", "'[' without its ']'")]
    [InlineData("[[:alpha:]]", "POSIX bracket")]
    [InlineData("[]a]", "']' inside a character class")]
    [InlineData("[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]", "nested more than 16 deep")]
    [InlineData("[b-a]", "end is before its start")]
    [InlineData(@"[a-\s]", "range that ends in a class")]
    [InlineData(@"\p{Emoji}", @"property '\p{Emoji}'")]
    [InlineData(@"\pL", @"malformed '\p{..}'")]
    [InlineData(@"a\h", @"escape '\h'")]
    [InlineData(@"\1", @"escape '\1'")]
    [InlineData(@"a\", @"a '\' at the end")]
    [InlineData(@"\x{110000}", "malformed hexadecimal")]
    [InlineData(@"\uZZ", "malformed hexadecimal")]
    [InlineData("a{3,2}", "empty range")]
    [InlineData("a{x}", "malformed '{n,m}'")]
    [InlineData("a{1", "malformed '{n,m}'")]
    [InlineData("(?:abcdefgh){1000}", "more than 4096 instructions")]
    [InlineData("((((((((((((((((((a))))))))))))))))))", "nested more than 16 deep")]
    public void An_unsupported_construct_is_named(string pattern, string message) =>
        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => SplitRegex.Parse(pattern)).Message, StringComparison.Ordinal);

    [Fact]
    public void Endless_backtracking_ends_in_an_error()
    {
        var regex = SplitRegex.Parse("(?:a+)+b");
        UserInputException error = Assert.Throws<UserInputException>(() => Cut(regex, new string('a', 40)));
        Assert.Contains("backtracking", error.Message, StringComparison.Ordinal);
        Assert.Equal(["aab"], Cut(regex, "aab")); // the scanner survives
    }

    private static List<string> Cut(WordScanner scanner, string text)
    {
        var words = new List<string>();
        new PreTokenizer([new SplitStep(scanner, SplitBehavior.Isolated, invert: false)], isByteLevel: false)
            .Split(text, atStart: true, new Words(words));
        Assert.Equal(text, string.Concat(words));
        return words;
    }

    private static string RandomText(Random random)
    {
        string[] parts =
        [
            "'", "s", "S", "\u017F", "re", "LL", "v", "E", "a", "Z", "é", "ß", "中", "한", "0", "12", "٣", "½", " ", "  ", "\n", "\r\n",
            "\t", "\u0085",
            "\u00A0", "\u2028", "\u3000", ".", "-", "!?", "_", "\u0301", "\u200D", "👍", "𝐀", "\U0001D7D8", "\U00020000",
        ];
        var text = new StringBuilder();
        for (int n = random.Next(1, 30); n > 0; n--)
        {
            text.Append(parts[random.Next(parts.Length)]);
        }

        return text.ToString();
    }

    private sealed class Words(List<string> words) : IWordSink
    {
        public void Add(ReadOnlySpan<char> word) => words.Add(word.ToString());

        public void AddSpelled(ReadOnlySpan<char> word) => throw new NotSupportedException();
    }
}
