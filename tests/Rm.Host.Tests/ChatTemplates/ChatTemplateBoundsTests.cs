using Rm.Formats;
using Rm.Formats.ChatTemplates;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.ChatTemplates;

/// <summary>Hostile templates end with a named error: never a hang, a crash or a full memory.</summary>
public class ChatTemplateBoundsTests
{
    private static readonly ChatMessage[] Chat = [new("user", "hi")];

    public static TheoryData<string, string> Hostile() => new()
    {
        { "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "steps" },
        { "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested deeper" },
        { "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ [a()] }}{% endmacro %}{{ a() }}", "nested deeper" },
        { "{% set ns = namespace(s='ab') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "longer than" },
        { "{% set ns = namespace(s='ab') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "longer than" },
        { "{% for i in range(100000) %}{{ 'abcdefgh' * 1000 }}{% endfor %}", "longer than" },
        { "{% set ns = namespace(l=[]) %}{% for i in range(100) %}{% set ns.l = ns.l + ['x' * 4000000 ~ i] %}{% endfor %}", "add up to" },
        { "{{ 'x' * 10 ** 12 }}", "longer than" },
        { "{{ [0] * 10 ** 12 }}", "steps" },
        { "{{ 10 ** (10 ** 10) }}", "bits" },
        { "{% set ns = namespace(n=3) %}{% for i in range(100) %}{% set ns.n = ns.n * ns.n %}{% endfor %}", "bits" },
        { "{{ range(10 ** 9) }}", "more than 100000" },
        { "{{ range(-4611686018427387904, 4611686018427387904) }}", "more than 100000" },
        { "{{ 'x'.center(10 ** 9) }}", "longer than" },
        { "{{ 'x' | center(10 ** 18) }}", "longer than" },
        { "{{ 'x' | indent(10 ** 9, true) }}", "longer than" },
        { "{{ [[1]] | tojson(indent=8000000) }}", "longer than" },
        { "{{ '%999999999d' % 1 }}", "too large" },
        { "{{ '%*d' % (999999999, 1) }}", "too large" },
        { "{{ '%.999999f' % 1.5 }}", "decimal places" },
        { "{{ '{:999999999}'.format(1) }}", "too large" },
        { "{{ ('a' * 4000000).replace('a', 'bcd') }}", "longer than" },
        { "{{ ('\\t' * 1000).expandtabs(1000000) }}", "longer than" },
        { "{{ [1] | batch(10 ** 9, 0) | list }}", "steps" },
        { "{{ [1] | slice(10 ** 9) | list }}", "steps" },
        { "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", "steps" },
        { "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
            "longer than" },
        { "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(100) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% "
            + "endfor %}{{ ns.a == ns.b }}", "steps" },
        { "{% set ns = namespace(a=(1,)) %}{% for i in range(100) %}{% set ns.a = (ns.a, ns.a) %}{% endfor %}{{ {ns.a: 1} }}", "steps" },
        { "{% set ns = namespace(l=1) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}", "deeper" },
        { "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "deeper" },
        { "{% set ns = namespace() %}{% set ns.a = [ns] %}{% set ns.b = [ns] %}{{ ns }}", "steps" },
        { "{% set s = 'a' * 4000000 %}{% for i in range(100000) %}{% if 'b' in s %}{% endif %}{% endfor %}", "reads more" },
        { "{% set s = 'a' * 4000000 %}{% set n = 'a' * 100000 ~ 'b' %}{% for i in range(100000) %}{% if n in s %}{% endif %}{% endfor %}",
            "reads more" },
        { "{% set s = 'a' * 4000000 %}{% for i in range(100000) %}{% if s == s ~ '' %}{% endif %}{% endfor %}", "add up to" },
        { "{% set s = 'a' * 4000000 %}{% for i in range(100000) %}{% set x = s.find('b') %}{% endfor %}", "reads more" },
        { "{% set d = {'a' * 4000000: 1} %}{% set s = 'a' * 4000000 %}{% for i in range(100000) %}{% set x = d[s] %}{% endfor %}",
            "reads more" },
        { "{% set s = 'a' * 4000000 %}{% for i in range(100000) %}{% set x = s | length %}{% endfor %}", "reads more" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void A_hostile_template_ends_with_a_named_error(string source, string reason)
    {
        var template = ChatTemplate.Parse(source);
        UserInputException error = Assert.Throws<UserInputException>(() => template.Render(Chat, false));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string> Repeated() => new()
    {
        { "{{ ", "(", "" },
        { "{{ ", "[", "" },
        { "{{ ", "{1:", "" },
        { "{{ ", "not ", "1 }}" },
        { "{{ ", "-", "1 }}" },
        { "{{ 1", "+1", " }}" },
        { "{{ 1", " and 1", " }}" },
        { "{{ 1", "|abs", " }}" },
        { "{{ 1", "()", " }}" },
        { "{{ a", ".a", " }}" },
        { "{{ 1", " if 1 else 1", " }}" },
        { "{{ 1", " is odd", " }}" },
        { "{{ a", "[a", "" },
        { "", "{% if 1 %}", "" },
        { "", "{% for a in b %}", "" },
        { "{% set ", "(", "" },
        { "{% set x", " | upper", " %}{% endset %}" },
    };

    [Theory]
    [MemberData(nameof(Repeated))]
    public void A_deeply_nested_source_is_refused_also_on_a_small_stack(string head, string unit, string tail)
    {
        string source = head + string.Concat(Enumerable.Repeat(unit, 20_000)) + tail;
        Exception? error = null;
        var thread = new Thread(() => error = Record.Exception(() => ChatTemplate.Parse(source).Render(Chat, false)), 512 * 1024);
        thread.Start();
        thread.Join();
        Assert.IsType<UserInputException>(error);
    }

    [Fact]
    public void Recursion_is_bounded_by_a_small_stack_too()
    {
        var template = ChatTemplate.Parse("{% macro m() %}{% if true %}{{ [(m() ~ 'x')|upper] }}{% endif %}{% endmacro %}{{ m() }}");
        Exception? error = null;
        var thread = new Thread(() => error = Record.Exception(() => template.Render(Chat, false)), 256 * 1024);
        thread.Start();
        thread.Join();
        Assert.IsType<UserInputException>(error);
    }

    [Fact]
    public void A_source_of_any_size_is_refused_or_read()
    {
        Assert.Throws<UserInputException>(() => ChatTemplate.Parse(new string('x', TemplateLimits.SourceCharacters + 1)));
        string many = string.Concat(Enumerable.Repeat("{{ 1 }}\n", 100_000));
        Assert.Equal(100_000, ChatTemplate.Parse(many).Render(Chat, false).Count('1'));
    }

    [Fact]
    public void A_long_conversation_is_far_from_the_bounds()
    {
        var chat =
            Enumerable.Range(0, 2000).Select(i => new ChatMessage(i % 2 == 0 ? "user" : "assistant", new string('x', 1000))).ToList();
        var template = ChatTemplate.Parse(
            "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('order') }}{% endif %}"
            + "{% if '</think>' in m.content %}{{ m.content.split('</think>')[-1].lstrip() }}{% endif %}{{ m.role ~ ': ' + m.content|trim "
            + "+ '\n' }}{% endfor %}");
        Assert.Equal(2000 * (1000 + 3) + 1000 * (4 + 9), template.Render(chat, false).Length);
    }
}
