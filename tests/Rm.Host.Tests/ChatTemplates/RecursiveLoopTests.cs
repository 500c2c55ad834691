using Rm.Formats;
using Rm.Formats.ChatTemplates;

namespace Rm.Host.Tests.ChatTemplates;

/// <summary>Recursive loops, wordwrap and filesizeformat. Texts by Jinja2 3.1.</summary>
public sealed class RecursiveLoopTests
{
    [Theory]
    [InlineData(
        "{% for x in [1,[2,[3]],4] recursive %}{{ loop.depth }}{{ loop.index }}{% if x is iterable %}<{{ loop(x) }}>{% else %}{{ x }}{% "
            + "endif %}{% else %}none{% endfor %}",
        "11112<21222<313>>134")]
    [InlineData("{% for x in [[],[1]] if x is iterable or true recursive %}[{% if x is iterable %}{{ loop(x) }}{% else %}{{ x }}{% endif "
        + "%}]{% else %}E{% endfor %}", "[E][[1]]")]
    [InlineData(
        "{{ 'the quick-brown fox jumped over--the lazy dogs'|wordwrap(7) }}", "the\nquick-\nbrown\nfox\njumped\nover--\nthe\nlazy\ndogs")]
    [InlineData("{{ 'aaaaaaaaaaaa bb-cc-dd'|wordwrap(5) }}", "aaaaa\naaaaa\naa\nbb-\ncc-dd")]
    [InlineData("{{ 'aaaaaaaaaaaa bb-cc-dd'|wordwrap(5,false) }}", "aaaaaaaaaaaa\nbb-\ncc-dd")]
    [InlineData("{{ 'a\n\nbb cc  dd   '|wordwrap(4,wrapstring='|') }}", "a||bb|cc|dd")]
    [InlineData("{{ '  lead in text'|wordwrap(6,break_on_hyphens=false) }}", "  lead\nin\ntext")]
    [InlineData("{{ 'well-known e-mail x-1 -ab'|wordwrap(6) }}", "well-\nknown\ne-mail\nx-1\n-ab")]
    [InlineData(
        "{{ 1|filesizeformat }},{{ 999|filesizeformat }},{{ 1000|filesizeformat }},{{ 1250|filesizeformat }},{{ "
            + "123456789|filesizeformat(true) }},"
            + "{{ 1e30|filesizeformat }},{{ '2048'|filesizeformat(binary=true) }},{{ 12.7|filesizeformat }}",
        "1 Byte,999 Bytes,1.0 kB,1.2 kB,117.7 MiB,1000000.0 YB,2.0 KiB,12 Bytes")]
    public void Renders_like_Jinja2(string source, string text) => Assert.Equal(text, ChatTemplate.Parse(source).RenderVariables());

    [Theory]
    [InlineData("{% for x in [1] %}{{ loop([2]) }}{% endfor %}", "recursive")]
    [InlineData("{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}", "nested deeper")]
    [InlineData("{{ 'a'|wordwrap(0) }}", "width must be above 0")]
    [InlineData("{{ 'a'|filesizeformat }}", "must be a number")]
    public void What_cannot_be_rendered_is_an_error(string source, string message) => Assert.Contains(
        message, Assert.Throws<UserInputException>(() => ChatTemplate.Parse(source).RenderVariables()).Message, StringComparison.Ordinal);
}
