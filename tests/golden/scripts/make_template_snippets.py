#!/usr/bin/env python3
"""Small templates rendered in the environment of transformers: {"template", "context", "text" or "error"} a line.

Usage: make_template_snippets.py OUT.jsonl        Needs: transformers, jinja2. The clock stands at 2024-07-05 09:03:08.
"""
import datetime, json, re, sys, unicodedata
from transformers.utils import chat_template_utils

class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None): return cls(2024, 7, 5, 9, 3, 8)

chat_template_utils.datetime = Clock

U = lambda t: {"role": "user", "content": t}
A = lambda t: {"role": "assistant", "content": t}
S = lambda t: {"role": "system", "content": t}
CHAT = [S("Be kind."), U("one"), A("two"), U("three"), A("four")]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a <city> & 'more' \u00e9",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3}}, "required": ["city"]}}}]
# Characters whose case mappings are not one to one, or not symmetric; sigma in every position.
CASES = "".join(c for c in map(chr, range(0x80, 0x1E100)) if not 0xD800 <= ord(c) < 0xE000 and unicodedata.category(c) != "Cn"
    and (len(c.upper()) + len(c.lower()) > 2 or c.title() != c.upper() or c.islower() != (unicodedata.category(c) == "Ll")
         or c.isupper() != (unicodedata.category(c) == "Lu") or c.upper().lower() not in (c, c.lower()))) + " A\u03a3 \u03a3A A\u03a3A A\u03a3. A'\u03a3 A\u03a3'B \u03a3 \u0301\u03a3 A\u0301\u03a3 \u16a0\u03a3"
CTX = {"n": 7, "cases": CASES, "neg": -3, "f": 2.5, "s": "Hello World", "e": "", "l": [3, 1, 2], "words": ["b", "A", "c", "a"], "d": {"b": 1, "a": 2, "C": 0},
    "t": True, "no": False, "nil": None, "users": [{"name": "ann", "age": 30, "tags": ["x"]}, {"name": "Bob", "age": 25, "tags": []}, {"name": "cid", "age": 30}],
    "messages": CHAT, "tools": TOOLS, "uni": "\u00dcn\u00efc\u00f6d\u00e9 \U0001f44d\U0001f3fd \u65e5\u672c", "nested": [[1, [2]], {"k": [None, True]}],
    "q": "it's \"q\"\n\t\\", "bos_token": "<s>", "eos_token": "</s>"}

# Every whitespace control around every kind of tag, between blank-led and newline-led text.
def whitespace():
    for left in ("", "-", "+"):
        for right in ("", "-", "+"):
            yield "a\n  {%" + left + " if t " + right + "%}\n  b \n {%" + left + " endif " + right + "%} \n c"
            yield "a \n\t {#" + left + " note " + right + "#} \n  c"
            yield "x {%" + left + " set y = 1 " + right + "%}\n  z"
            if right != "+":
                yield "a \n {{" + left + " n " + right + "}} \n b"
                yield "a \n {%" + left + " raw " + right + "%} \n {{ n }} \n {% endraw %}\n b"
            yield "a {% raw %}\n x \n {%" + left + " endraw " + right + "%} \n b"

SNIPPETS = r'''
plain text
{{ n }}{{ f }}{{ s }}{{ t }}{{ no }}{{ nil }}
{{ l }} {{ d }} {{ nested }}
{{ q }} {{ [q] }} {{ [uni] }} {{ ["'", '"', "\x00\x7f\xa0\u200b\ud7ff"] }}
{{ missing }}|{{ d.missing }}|{{ l[9] }}|{{ d['zz'] }}
{{ missing.x }}
{{ missing['x'] }}
{{ missing() }}
{{ missing + 1 }}
{{ 1 + missing }}
{{ missing ~ 'a' }}
{{ missing == none }} {{ missing == missing2 }} {{ missing != 1 }}
{{ missing < 1 }}
{{ -missing }}
{{ missing|length }} {{ missing|list }} {{ missing is iterable }} {{ missing is sequence }} {{ missing is callable }}
{% for x in missing %}x{% else %}none{% endfor %}
{{ 'a' in missing }}
{{ d.a.b }} {{ d.a.b is defined }}
{{ d.a.b.c }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }}
{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 1 / 3 }} {{ 1e16 }} {{ 1e15 }} {{ 123456789012345678 * 10 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1.5e300 * 1e10 }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ 1.0 // 0 }}
{{ 1_000 + 0x1F + 0b11 + 0o17 }} {{ 1e3 }} {{ 1.5E-2 }} {{ 1_0.2_5 }}
{{ 9223372036854775807 + 1 }} {{ 9223372036854775807 * 9223372036854775807 }} {{ -9223372036854775808 - 1 }} {{ 2 ** 100 }} {{ (2 ** 100) // 3 }} {{ (2 ** 100) % 7 }}
{{ true + 1 }} {{ true * 3 }} {{ -true }} {{ +true }} {{ true == 1 }} {{ 1 == 1.0 }} {{ 0 == false }}
{{ 'a' + 1 }}
{{ 'a' * 3 }} {{ 3 * 'ab' }} {{ [1] * 2 }} {{ 'a' * -1 }}| {{ (1,) * 2 }}
{{ [1] + [2] }} {{ (1,) + (2, 3) }}
{{ [1] + (2,) }}
{{ 'a' 'b' "c" }} {{ 'a' ~ 1 ~ none ~ [1] ~ 2.0 }}
{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 2 >= 2.0 }} {{ 1 != 2 != 1 }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ 1 == 'a' }} {{ [1] == (1,) }} {{ {'a': 1} == {'a': 1.0} }} {{ [1, [2]] == [1, [2]] }}
{{ 'b' in 'abc' }} {{ 1 in [1, 2] }} {{ 'a' in d }} {{ 'x' not in d }} {{ 2 in (1, 2) }} {{ 1 in {1: 2} }} {{ not 1 in [2] }}
{{ 1 in 'abc' }}
{{ 1 in 5 }}
{{ t and 'x' }} {{ no or 'y' }} {{ e or none or 0 }} {{ not t }} {{ not not e }} {{ 1 and 2 and 3 }} {{ [] and 1 }}
{{ 'a' if t else 'b' }} {{ 'a' if no }}| {{ 'a' if no else 'b' if no else 'c' }} {{ ('a' if no) is defined }}
{{ ('a' if no).x }}
{{ (1, 2) }} {{ (1,) }} {{ () }} {{ 1, 2 }} {{ [] }} {{ {} }} {{ {'a': 1, 2: [3], none: true,} }} {{ [1, 2,] }}
{{ {[1]: 2} }}
{{ l[0] }} {{ l[-1] }} {{ l[1:] }} {{ l[:-1] }} {{ l[::-1] }} {{ l[::2] }} {{ l[5:] }} {{ l[-100:2] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[-3:] }} {{ (1,2,3)[1:] }} {{ s[::-2] }}
{{ l[::0] }}
{{ l['a'] }}| {{ l[1.0] }}| {{ l[true] }} {{ l.0 }} {{ l.-1 }}
{{ l.0 }} {{ nested.0.1.0 }} {{ nested[1].k[1] }} {{ nested[1]['k'][0] }}
{{ l['a':] }}
{{ d[1:] }}
{{ uni|length }} {{ uni[8] }} {{ uni[8:10] }} {{ uni[::-1] }} {{ uni.find('日') }} {{ uni.index('日', 3) }} {{ uni|upper }} {{ uni|list }}
{{ uni|tojson }} {{ [uni]|tojson(ensure_ascii=true) }}
{% if n > 5 %}big{% elif n > 3 %}mid{% else %}small{% endif %}
{% if e %}a{% elif nil %}b{% elif l %}c{% endif %}
{% if n > 5: %}colon{% endif %}
{% if 1, %}tuple{% endif %}
{% for x in l %}{{ x }},{% endfor %}
{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}
{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.cycle('odd', 'even') }} {{ loop.changed(x > 1) }} {{ loop.depth }};{% endfor %}
{% for x in l if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% else %}none{% endfor %}
{% for x in l if x > 10 %}{{ x }}{% else %}none{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}
{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}
{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in [1] %}{{ a }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
{% for a, b in ['xy'] %}{{ a }}-{{ b }}{% endfor %}
{% for x in 5 %}{% endfor %}
{% for x in none %}{% endfor %}
{% for c in 'a👍b' %}[{{ c }}]{% endfor %}
{% for x in range(3) %}{{ x }}{% endfor %} {{ range(5, 1, -2)|list }} {{ range(3) }} {{ range(1, 4) }} {{ range(9)[2:8:3]|list }}
{{ range(100001)|length }}
{{ range(100000)|length }}
{{ range(1, 2, 0) }}
{{ range('a') }}
{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}
{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}E{% endfor %}
{% for x in l %}{% break %}{% else %}E{% endfor %}
{% for x in l %}{% continue %}{% else %}E{% endfor %}
{% break %}
{% for x in l %}{% for y in l %}{{ loop.index }}{% if y == 1 %}{% break %}{% endif %}{% endfor %}|{{ loop.index }} {% endfor %}
{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}
{% set ns = namespace(x=1, found=false) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }} {{ ns.found }} {{ ns.zz }}|{{ ns['x'] }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{% set ns.c = 3 %}{{ ns.c }} {{ ns }}
{% set d.x = 1 %}
{% set q1 = {} %}{% set q1.x = 1 %}
{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (a, b) = (3, 4) %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}
{% set a, b = l %}
{% set x %}block {{ n }}{% set inner = 1 %}{% endset %}[{{ x }}]{{ inner }}
{% set x | upper | replace('B', '_') %}block {{ n }}{% endset %}[{{ x }}]
{% set true = 1 %}
{% set none = 1 %}
{% set 1 = 1 %}
{% set x %}
{% for i in l %}{% set loop = 1 %}{% endfor %}
{% for loop in l %}{% endfor %}
{% if t %}{% set inside = 1 %}{% endif %}{{ inside }}
{% for i in [1] %}{% set lost = 1 %}{% endfor %}[{{ lost }}]
{% with a = 1, b = n %}{{ a }}{{ b }}{% set z = 1 %}{% endwith %}[{{ a }}{{ z }}]
{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}
{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=3) }} {{ m() }} {{ m(a=5) }} {{ m(*[7, 8]) }} {{ m(**{'a': 9}) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }} {{ m.name }} {{ m.arguments }} {{ m.catch_kwargs }}
{% macro m(a, b) %}{{ b is defined }}{{ b }}{% endmacro %}{{ m(1) }}
{% macro m(a=1, b) %}{% endmacro %}
{% macro fact(k) %}{% if k <= 1 %}1{% else %}{{ k * fact(k - 1)|int }}{% endif %}{% endmacro %}{{ fact(10) }}
{% macro m() %}{{ x }}{% endmacro %}{% set x = 5 %}{{ m() }}
{% macro m() %}{% set x = 9 %}{{ x }}{% endmacro %}{% set x = 5 %}{{ m() }}{{ x }}
{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body {{ n }}{% endcall %}
{% macro m() %}[{{ caller(1, 2) }}]{% endmacro %}{% call(a, b) m() %}{{ a }}-{{ b }}{% endcall %}
{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}
{% macro m() %}{% if caller %}yes{% else %}no{% endif %}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}
{% call 5 %}x{% endcall %}
{% macro m() %}{{ loop.index }}{% endmacro %}{% for x in l %}{{ m() }}{% endfor %}
{% macro m() %}  spaced  {% endmacro %}[{{ m()|trim }}]{{ m()|length }}
{% filter upper %}abc {{ s }}{% endfilter %}
{% filter replace('a', 'b') | upper %}aXa{% endfilter %}
{% generation %}abc {{ n }}{% set gx = 1 %}{% endgeneration %}[{{ gx }}]
{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %};{% endfor %}
{% for m in messages %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% print n, 1 %} {% print 'x' %}
{% unknown %}
{% endfor %}
{% if t %}
{% if t %}{% endfor %}
{% for x in l %}{% endif %}
{{ n
{{ n }
{{ }}
{% %}
{{ (1 }}
{{ 1) }}
{{ [1) }}
{{ 'abc }}
{{ "a\
b" }}
{# open
{{ a b }}
{{ a. }}
{{ a.'b' }}
{{ 1 + }}
{{ * 2 }}
{{ n | }}
{{ n | nofilter }}
{{ n is notest }}
{{ n is }}
{% if no %}{{ n | nofilter }}{% endif %}ok
{% if t %}{{ n | nofilter }}{% endif %}
{{ (n | nofilter) if no else 'ok' }}
{% for x in [] %}{{ x | nofilter }}{% endfor %}
{{ n is defined is true }}
{{ f(a=1, 2) }}
{{ f(**d, *l) }}
{{ ? }}
{{ a = 1 }}
{{ n ; }}
{% set x = 1 %}}{{ x }}{
{% include 'x' %}
{% import 'x' as y %}
{% extends 'x' %}
{{ raise_exception('no way') }}
{% if messages[0].role != 'user' %}{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}
{{ strftime_now('%Y-%m-%d') }} {{ strftime_now('%d %b %Y %H:%M:%S %j %A %a %B %p %I %y %-d %-m %e %U %W %u %w %%') }}
{{ strftime_now('%D %F %T %R %c %x %X %V %G %C %h %n|%t|%f %s'[:40]) }}
{{ s|trim }} {{ '  a b '|trim }}| {{ 'xxaxx'|trim('x') }} {{ n|trim }} {{ '\u00a0\u3000\x1fa\n'|trim }}
{{ s|length }} {{ l|count }} {{ d|length }}
{{ n|length }}
{{ s|upper }} {{ s|lower }} {{ s|title }} {{ 'hello wORLD-foo (bar) it\'s'|title }} {{ 'hELLO wORLD'|capitalize }} {{ none|upper }} {{ 'straße ﬁ ǆ'|upper }} {{ 'ΑΣ ΑΣΑ'|lower }} {{ 'İ'|lower|length }}
{{ l|join }} {{ l|join('-') }} {{ users|join(', ', attribute='name') }} {{ 'abc'|join('.') }} {{ [1, none, 'x', missing]|join(',') }} {{ []|join(',') }}|
{{ 5|join }}
{{ l|first }} {{ l|last }} {{ []|first }}| {{ 'abc'|first }} {{ 'abc'|last }} {{ d|first }} {{ d|last }} {{ []|last is defined }}
{{ 5|first }}
{{ l|map('string')|last }}
{{ missing|default('x') }} {{ missing|d('y') }} {{ e|default('z') }}| {{ e|default('z', true) }} {{ nil|default('w', boolean=true) }} {{ nil|default('w') }} {{ missing|default }}|
{{ missing.x|default('a') }}
{{ d.missing|default('a') }}
{{ 'aXbXc'|replace('X', '-') }} {{ 'aXbXc'|replace('X', '-', 1) }} {{ 'abc'|replace('', '.') }} {{ 123|replace('2', 'x') }} {{ 'abc'.replace('', '-', 2) }} {{ ''|replace('', 'x') }} {{ 'aaa'|replace('aa', 'b') }}
{{ d|tojson }} {{ nested|tojson }} {{ q|tojson }} {{ '<a> & \'b\''|tojson }} {{ (1, 2)|tojson }} {{ 1.0|tojson }} {{ none|tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }}
{{ tools|tojson }}
{{ tools|tojson(indent=2) }}
{{ tools|tojson(indent=4, sort_keys=true) }} {{ d|tojson(separators=(',', ':')) }} {{ d|tojson(indent='--') }} {{ []|tojson(indent=2) }} {{ {}|tojson(indent=2) }} {{ [[]]|tojson(2) }} {{ [1]|tojson(indent=0) }}
{{ missing|tojson }}
{{ range(3)|tojson }}
{{ l|map('string')|tojson }}
{{ '\u0000\u001f\u007f\u2028\b\f/'|tojson }} {{ '\u00e9\U0001f44d'|tojson(ensure_ascii=true) }}
{{ 1e400|tojson }} {{ (1e400 - 1e400)|tojson }} {{ 1e400 }} {{ -1e400 }} {{ 1e400 - 1e400 }}
{{ 42|string + 'x' }} {{ none|string }} {{ l|string }} {{ missing|string }}|
{{ '42'|int }} {{ '3.7'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ '0x1f'|int(base=16) }} {{ 'ff'|int(0, 16) }} {{ 3.99|int }} {{ -3.99|int }} {{ none|int }} {{ true|int }} {{ ' 7 '|int }} {{ '1_0'|int }} {{ '1e3'|int }} {{ '0b101'|int(0, 0) }} {{ [1]|int(9) }} {{ ''|int }} {{ '+5'|int }} {{ '-5'|int }} {{ '- 5'|int }}
{{ missing|int }}
{{ 1e400|int }}
{{ '1.5'|float }} {{ 'x'|float }} {{ 'x'|float(2) }} {{ 3|float }} {{ '1e5'|float }} {{ ' -inf '|float }} {{ '1_0.5'|float }} {{ none|float }} {{ '.5'|float }} {{ '5.'|float }} {{ '1__0'|float(-1) }} {{ 'nan'|float }}
{{ 'abc'|list }} {{ d|list }} {{ d.items()|list }} {{ d.keys()|list }} {{ d.values()|list }} {{ (1, 2)|list }}
{{ d.items() }} {{ d.keys() }} {{ d.values() }}
{{ 5|list }}
{{ users|map(attribute='name')|list }} {{ users|map(attribute='tags.0', default='-')|list }} {{ words|map('upper')|list }} {{ l|map('string')|join('+') }} {{ [[3, 1], [2]]|map('first')|list }} {{ ['a b']|map('replace', ' ', '_')|list }} {{ none|map('upper')|list }}
{{ l|map|list }}
{{ l|map('nofilter')|list }}
{{ l|select|list }} {{ l|select('odd')|list }} {{ l|reject('odd')|list }} {{ l|select('gt', 1)|list }} {{ [0, '', none, 1]|reject|list }} {{ ['a', 1]|select('string')|list }}
{{ users|selectattr('tags')|map(attribute='name')|list }} {{ users|selectattr('age', 'equalto', 30)|map(attribute='name')|list }} {{ users|rejectattr('age', '>', 26)|map(attribute='name')|list }} {{ users|selectattr('tags', 'undefined')|map(attribute='name')|list }} {{ messages|selectattr('role', 'in', ['user', 'system'])|list|length }}
{{ l|select('nosuch')|list }}
{{ users|selectattr('age.x.y')|list }}
{% if users|selectattr('age', 'gt', 99) %}generator is true{% endif %}
{% set g = l|map('string') %}{{ g|list }}{{ g|list }}
{% set g = l|select('odd') %}{{ 1 in g }}{{ g|list }}
{{ (l|map('string'))|length }}
{{ (l|map('string'))[0] }}|
{{ l|sort }} {{ l|sort(reverse=true) }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ users|sort(attribute='age')|map(attribute='name')|list }} {{ users|sort(attribute='age,name', reverse=true)|map(attribute='name')|list }} {{ 'hello'|sort }}
{{ [1, 'a']|sort }}
{{ ['b']|sort }} {{ [none]|sort }} {{ [none, none]|sort }}
{{ d|dictsort }} {{ d|dictsort(true) }} {{ d|dictsort(false, 'value') }} {{ d|dictsort(by='value', reverse=true) }}
{{ l|dictsort }}
{{ d|dictsort(by='x') }}
{{ [1, 2, 1, 'a', 'A', 1.0]|unique|list }} {{ ['a', 'A']|unique(true)|list }} {{ users|unique(attribute='age')|map(attribute='name')|list }}
{{ [[1]]|unique|list }}
{{ l|reverse|list }} {{ 'abc'|reverse }} {{ d|reverse|list }} {{ (1, 2)|reverse|join }} {{ l|map('string')|reverse }}
{{ 5|reverse }}
{{ 'a\nb\n\nc'|indent }} {{ 'a\nb'|indent(2, true) }} {{ 'a\n\nb'|indent(2, blank=true) }} {{ 'a\nb'|indent('> ') }} {{ 'a\nb\n'|indent(first=true, width=1) }}| {{ ''|indent }}|
{{ 5|indent }}
{{ '<b>'|safe }} {{ '<b>&"\''|escape }} {{ '<b>'|e|e }} {{ '<b>'|e|forceescape }} {{ ('<b>'|safe) + '<' }} {{ '<' + ('<b>'|safe) }} {{ ('<b>'|safe) ~ '<' }} {{ ['<'|safe] }} {{ '<'|safe|upper }} {{ ('<'|safe) is string }} {{ ('a'|safe) == 'a' }} {{ '<'|e is escaped }}
{{ -5|abs }} {{ -2.5|abs }} {{ true|abs }}
{{ 'a'|abs }}
{{ 42.55|round }} {{ 42.55|round(1) }} {{ 2.5|round }} {{ 3.5|round }} {{ -2.5|round }} {{ 42|round }} {{ 42.1|round(0, 'ceil') }} {{ 42.987|round(2, 'floor') }} {{ 1234|round(-2) }} {{ 1250|round(-2) }} {{ 0.5|round|int }} {{ 2.675|round(2) }} {{ 1e22|round(2) }} {{ 42|round(1, 'ceil') }} {{ 1234.5|round(-2) }}
{{ 'x'|round }}
{{ 5.5|round(0, 'up') }}
{{ l|sum }} {{ users|sum(attribute='age') }} {{ l|sum(start=10) }} {{ []|sum }} {{ [0.1, 0.2, 0.3]|sum }} {{ [[1], [2]]|sum(start=[]) }} {{ [0.1]*10|sum }}
{{ ([0.1] * 10)|sum }} {{ [1, 0.5, 2]|sum }} {{ [1e308, 1e308]|sum }}
{{ ['a']|sum }}
{{ l|min }} {{ l|max }} {{ words|min }} {{ words|max }} {{ users|max(attribute='age') }} {{ []|min }}| {{ ['B', 'a']|min(case_sensitive=true) }} {{ [1, 2.0, true]|max }}
{{ [1, 'a']|max }}
{{ range(7)|batch(3)|list }} {{ range(7)|batch(3, 'x')|list }} {{ range(7)|slice(3)|list }} {{ range(7)|slice(3, 'x')|list }}
{{ s|wordcount }} {{ 'a-b c_d  é日'|wordcount }}
{{ 'x'|center(9) }}| {{ 'ab'|center(7) }}| {{ 'ab'.center(7, '*') }} {{ 'abc'.center(6, '*') }} {{ 'a'.ljust(3) }}| {{ 'a'.rjust(3, '0') }} {{ '-42'.zfill(6) }} {{ 'a\tb'.expandtabs(4) }}
{{ 'hello big wide world'|truncate(12) }} {{ 'hello big wide world'|truncate(12, true) }} {{ 'hello world'|truncate(8) }} {{ 'hello big world'|truncate(9, false, '', 0) }} {{ 'short'|truncate }}
{{ 'x'|truncate(2) }}
{{ '%s-%d-%5.2f-%x-%r' % ('a', 3, 2.5, 255, 'q') }} {{ '%s' % 'x' }} {{ '%s'|format(1) }} {{ '%(a)s %(b)d'|format(a=1, b=2) }} {{ '%%' % () }} {{ '%-5s|%05d|%+d|% d|%e|%g|%G|%c|%o|%X|%#x' % ('a', 42, 5, 5, 12345.678, 0.00001234, 1e20, 'z', 8, 255, 255) }}
{{ '%s %s' % 'x' }}
{{ '%s' % ('a', 'b') }}
{{ '%d' % 'a' }}
{{ '%q' % 1 }}
{{ '%.3s|%10.3s|%*d|%.0f|%.1f|%5.1e|%i' % ('abcdef', 'abcdef', 5, 42, 2.5, 0.25, 1234.5, 3.9) }} {{ '%s' % [1] }} {{ '%s' % none }} {{ '%s' % d }}
{{ '{} {}'.format(1, 'a') }} {{ '{1}{0}{1}'.format('a', 'b') }} {{ '{x}'.format(x=5) }} {{ '{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{:,}|{:x}|{:#b}|{:e}|{:%}'.format('a', 'b', 'c', 42, 3.14159, 1234567, 255, 5, 12345.678, 0.25) }} {{ '{0.a} {0[b]} {1[0]}'.format(d, l) }} {{ '{{}}'.format() }} {{ '{!r}'.format('x') }} {{ '{:*^9}'.format('mid') }} {{ '{:+d} {: d} {:g} {:g} {:.3g}'.format(5, 5, 1e10, 0.1, 1234.5) }} {{ '{:_}'.format(1234567) }} {{ '{}'.format(1.0) }} {{ '{:.2}'.format('abc') }}
{{ '{}'.format() }}
{{ '{'.format() }}
{{ '{:d}'.format('a') }}
{{ '{0.__class__}'.format('a') }}
{{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ 'hELLO'.capitalize() }} {{ 'it\'s a'.title() }} {{ s.swapcase() }} {{ 'Straße'.casefold() }}
{{ '  a '.strip() }}| {{ 'xax'.strip('x') }} {{ ' a '.lstrip() }}| {{ ' a '.rstrip() }}| {{ 'abcba'.lstrip('ab') }} {{ '\n\na\n'.strip('\n') }} {{ ' a'.strip(none) }}
{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b '.split() }} {{ ' a b  c '.split(none, 1) }} {{ ' a b  c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a--b'.split('-') }} {{ 'abc'.split(sep='b', maxsplit=-1) }}
{{ 'a'.split('') }}
{{ 'a\nb\r\nc\x0bd'.splitlines() }} {{ 'a\nb\n'.splitlines(true) }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('x') }} {{ 'abc'.rpartition('x') }}
{{ s.startswith('He') }} {{ s.endswith('ld') }} {{ s.startswith(('x', 'H')) }} {{ s.startswith('W', 6) }} {{ s.endswith('o', 0, 5) }} {{ ''.startswith('') }} {{ 'a'.startswith('', 2) }}
{{ s.startswith(['x']) }}
{{ s.find('o') }} {{ s.rfind('o') }} {{ s.find('zz') }} {{ s.find('o', 5) }} {{ s.count('l') }} {{ 'aaaa'.count('aa') }} {{ 'abc'.count('') }} {{ s.find('o', -3) }} {{ 'abc'.find('', 3) }} {{ 'abc'.find('', 4) }} {{ s.index('W') }}
{{ s.index('zz') }}
{{ ','.join(words) }} {{ '-'.join('abc') }} {{ ''.join(['a', 'b']) }} {{ ', '.join(d) }}
{{ ','.join(l) }}
{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('bc') }} {{ 'abc'.removeprefix('x') }}
{{ '12'.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ 'a'.islower() }} {{ 'A1'.isupper() }} {{ ''.isdigit() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} {{ 'é'.isascii() }} {{ 'a\n'.isprintable() }}
{{ s.nosuch }}| {{ s.nosuch is defined }}
{{ s.nosuch() }}
{{ d.get('a') }} {{ d.get('zz') }} {{ d.get('zz', 5) }} {{ d.copy() }} {{ d.items is defined }} {{ d.get }}
{{ d.get('a') }} {{ d.get('zz') }} {{ d.get('zz', 5) }} {{ d.copy() }} {{ d.items is callable }} {{ {'items': 5}.items is callable }} {{ {'items': 5}['items'] }}
{{ l.append(1) }}
{{ l.append is defined }} {{ l.append }}| {{ d.update is defined }} {{ l.count(1) }} {{ l.index(2) }} {{ (1, 1).count(1) }} {{ l.copy() }}
{{ l.index(99) }}
{{ d.update({'a': 1}) }}
{{ d.pop('a') }}
{{ l.sort() }}
{{ s.__class__ }}| {{ s.__class__.__mro__ }}
{{ s.__class__ is defined }} {{ d.__len__ }}| {{ d._x }}| {{ {'_x': 1}._x is defined }} {{ {'_x': 1}['_x'] }}
{{ ''.__class__.__base__ }}
{{ range.__globals__ }}
{{ n() }}
{{ s() }}
{{ 'abc'.upper }}
{{ n is defined }} {{ missing is defined }} {{ missing is undefined }} {{ nil is none }} {{ nil is not none }} {{ s is string }} {{ n is number }} {{ t is number }} {{ t is integer }} {{ n is integer }} {{ f is float }} {{ d is mapping }} {{ l is mapping }} {{ l is iterable }} {{ n is iterable }} {{ l is sequence }} {{ d is sequence }} {{ s is sequence }} {{ t is boolean }} {{ 1 is boolean }} {{ t is true }} {{ no is false }} {{ 1 is true }} {{ d.items() is sequence }} {{ d.items() is iterable }} {{ (l|map('string')) is iterable }} {{ (l|map('string')) is sequence }}
{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is equalto 2 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 3 is gt 4 }} {{ 'a' is in 'abc' }} {{ 5 is in [1] }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aB' is lower }} {{ none is sameas none }} {{ 1 is sameas true }} {{ n is callable }} {{ range is callable }} {{ 'upper' is filter }} {{ 'x' is filter }} {{ 'odd' is test }} {{ 3 is not odd }} {{ not 3 is odd }} {{ 3 is odd and 4 is even }} {{ 3 is odd if t else 1 }}
{{ 'a' is odd }}
{{ missing is odd }}
{{ n is divisibleby }}
{{ n is divisibleby 0 }}
{{ 1 is == 1 }}
{{ 'a'|upper|lower ~ 'B'|lower }} {{ -1|abs }} {{ not e|length }} {{ 1 + 2|string|int }} {{ (1 + 2)|string }} {{ 'a' in 'abc'|upper }} {{ [1,2]|length == 2 }} {{ s|length > 5 and s|length < 20 }}
{{ "a\tb\n\\n\"'\x41\u00e9\101\q\é" }} {{ 'line\nbreak' }} {{ 'é\q\日' }}
{{ '\x4' }}
{{ '\u12' }}
{{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }} {{ dict(d, z=3) }} {{ dict() }}
{{ dict(5) }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner('|') %}{{ j() }}x{{ j() }}y
{{ users|groupby('age')|list }} {% for g in users|groupby('age') %}{{ g.grouper }}:{{ g.list|length }} {% endfor %}{% for k, v in users|groupby('name') %}{{ k }}{% endfor %}
{{ 'a b&c/d'|urlencode }} {{ {'q': 'a b', 'r': 'é/'}|urlencode }}
{{ d|attr('items') is callable }} {{ d|attr('a') is defined }} {{ s|attr('upper')() }}
{{ [1, 2][0] }} {{ {'a': [1, 2]}['a'][1] }} {{ 'abc'[1] }} {{ ('a', 'b').1 }} {{ 'x'.upper().lower() }} {{ (1 + 2).real is defined }}
{{ messages[-1].content }} {{ messages[1:]|length }} {{ messages[0]['role'] == 'system' }} {{ messages|map(attribute='role')|unique|list }} {{ (messages|last).role }} {{ messages[0].get('name', 'anon') }}
{{ l is sameas l }} {{ [] is sameas [] }} {{ loop }}|
{% for x in l %}{{ loop }}{% endfor %}
{{ 10 if n > 5 else 20 }}{{ 1 if n > 5 and n < 3 }}
{{ n.x }} {{ f.y }} {{ nil.z }}|
{{ nil.z.w }}
{{ nil['z'] }}| {{ n[0] }}|
{{ nil() }}
{{ l[missing] }}| {{ d[missing] }}|
{{ d[[1]] }}|
{{ {1: 'a'}[1.0] }} {{ {1: 'a'}[true] }} {{ {(1, 2): 'x'}[1, 2] }}
{{ 1.0 }} {{ 100000.0 }} {{ 1e21 }} {{ 1.1 + 2.2 }} {{ 1e-7 }} {{ 123456.789e3 }} {{ 5e-324 }} {{ 1.7976931348623157e308 }} {{ 0.1 + 0.2 }} {{ -0.0 }} {{ 3.0 * 2 }} {{ 10 / 2 }} {{ 2 ** 0.5 }} {{ 4 ** 0.5 }}
{{ 007 }}
{{ 00 }} {{ 1.e5 }}
{{ 1..real }}
{{ 1.5.real }}
{{ a-b }}
{{ l[0 + 1] }} {{ l[3 - 1] }} {{ l[1 * 2] }} {{ l[5 // 2] }} {{ l[5 % 3] }} {{ l[2 ** 1] }} {{ l[-(1 + 1)] }} {{ l[+-1] }} {{ l[n - 5] }} {{ l[l|length - 1] }} {{ l[0 + 1:1 + 2] }} {{ 'ab' * (1 + 1) }} {{ range(1 + 1)|list }} {{ (1 + 1) is sameas 2 }} {{ (1 + 1) is integer }} {{ {2: 'x'}[1 + 1] }} {{ s[1 + 1] }} {{ 1.55|round(0 + 1) }} {{ 9223372036854775807 + 0 }} {{ l[(9223372036854775807 + 1) - 9223372036854775807] }} {{ l[true + 1] }} {{ l['1'|int + 0] }} {{ l[(0|abs) + 1] }} {{ l[[1, 1]|sum] }}
{{ '{}{1}'.format('a', 'b') }} {{ '{1}{}'.format('a', 'b') }} {{ '{a}{}'.format('b', a=1) }} {{ '\x7f'|tojson(ensure_ascii=true) }} {{ '' * 9223372036854775808 }} {{ a½ }} {{ é }}| {{ '{0}{0}'.format('a') }}
{{ l[] }}| {{ l[1,] }} {{ missing|truncate }}| {{ l|truncate(5) }} {{ d is filter }} {{ missing|attr('x') }} {{ 'x' % range(3) }} {{ 'x' % missing }} {{ '{0[0])}'.format(l) }} {{ strftime_now('%Q %{ %-') }}
{{ cases|upper }} {{ cases|lower }} {{ cases.title() }} {{ cases|title }} {{ cases.casefold() }} {{ cases.swapcase() }} {{ cases|map('capitalize')|join }} {{ cases|select('lower')|join }} {{ cases|select('upper')|join }} {{ cases.split(' ')|map('capitalize')|join }}
{{ n-1 }}{{ n -1 }}{{ n--1 }}{{- n -}}
{{-1}}
{{ {} }}{{ {'a': {'b': {}}} }}
{{ {'a': 1}}}
{%if t%}x{%endif%}{%-if t-%}y{%-endif-%}
{%- for m in messages -%} {{ m.role }} {%- endfor -%}
x{%- set a = 1 -%}   y  {#- c -#}  z
{{ '{{ not a tag }}' }} {{ "{% raw %}" }} {% raw %}{{ x }}{% if %}{# no #}{% endraw %}
{% raw %}unclosed
{% raw -%}  a  {%- endraw %}
{% if t -%}
    a
{%- endif %}
'''

MULTILINE = [
    "a\n", "a\n\n", "a {#", "a {#-", "a {# ", "a {% raw %}", "a {% raw %} ", "a {{", "a {%", "a {%-", "a\r\nb\rc\r\n", "\n", "", "  ", "{{ n }}\n", "{{ n }}\n\n", "{% if t %}\n{% endif %}\n", "{% if t %}\n\n{% endif %}\n\n",
    "  {% if t %}  \n  x\n  {% endif %}  \n", "\t{# c #}\t\n\tx", "x  {% if t %}y{% endif %}", "  {{ n }}  {% if t %}\n  y\n{% endif %}",
    "{% for m in messages %}\n  {{ m.role }}: {{ m.content }}\n{% endfor %}\nend\n", "{#\n multi\n line\n#}\n\nx", "a {#- c -#} b", "{{ 'a\nb' }}", "{{ 'a\r\nb' }}",
    "{%- if t %}\n    a\n{%- else %}\n    b\n{%- endif %}\n", "{% set x = [\n  1,\n  2\n] %}\n{{ x }}\n", "   {% set a = 1 %}   {% set b = 2 %}   z", "  {%+ if t %}x{% endif %}",
    "{% if t %}  {% if t %}  x  {% endif %}  {% endif %}", "a\n\n   {%- if t %} b {% endif -%}   \n\n c", "\u00a0{% if t %}x{% endif %}", "a\n\u3000{% if t %}\n x{% endif %}", "{{ n }}{% if t %}\n\n{{ n }}\n{% endif %}{{ n }}",
    "{% macro m() %}\n  inner\n{% endmacro %}\n{{ m() }}|", "{% set x %}\n  inner\n{% endset %}\n{{ x }}|", "{% raw %}\n {{ x }}\n{% endraw %}\n|", "{{ s\n}}", "{{\n  s\n  | upper\n}}", "{%\n if t\n%}x{%\nendif\n%}",
    "{#- a -#}{#- b -#}", "{# unclosed -", "{#-#}x", "{#+#}\nx", "{##}\nx", "{% if t +%}\nx{% endif +%}\ny", "a{{- n -}}\n b", "a\n{{- n }}\n b", "{% if t %}{# c #}\n{% endif %}x", " {# c #} {% if t %}x{% endif %}", " {# c #}\n {% if t %}x{% endif %}",
    "  {% raw %}  x  {% endraw %}  y", "\n  {%- raw -%}  x  {%- endraw -%}  y", "{% raw %}{% endraw %}\n{% if t %}x{% endif %}", "{% raw -%}\n  {% endraw %}x", "{{ '%}' }}{% set x = '%}' %}{{ x }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a':{'b':1}}}}",
]

# Structures that popular chat templates share.
TEMPLATES = [
    # Alternation checked, system text folded into the first user turn.
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set sys = messages[0]['content'] %}{% set rest = messages[1:] %}{% else %}{% set sys = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ '[INST] ' + (sys + '\\n\\n' if loop.first and sys else '') + m['content'] + ' [/INST]' }}{% else %}{{ ' ' + m['content']|trim + eos_token }}{% endif %}{% endfor %}",
    # Role renamed, no system role.
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for m in messages %}{% if m['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}{% endif %}"
    "{{ '<turn>' + role + '\\n' + m['content'] | trim + '<end>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<turn>model\\n' }}{% endif %}",
    # Flags in a namespace, think blocks cut away.
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=true, is_tool=false, system_prompt='') %}"
    "{%- for m in messages %}{%- if m['role'] == 'system' %}{%- if ns.is_first %}{% set ns.system_prompt = ns.system_prompt + m['content'] %}{% set ns.is_first = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + m['content'] %}{%- endif %}{%- endif %}{%- endfor %}"
    "{{ bos_token }}{{ ns.system_prompt }}{%- for m in messages %}{%- if m['role'] == 'user' %}{%- set ns.is_tool = false -%}{{ '<U>' + m['content'] }}{%- endif %}{%- if m['role'] == 'assistant' and m['content'] is not none %}"
    "{% set content = m['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{ '<A>' + content + eos_token }}{%- endif %}{%- endfor -%}{% if add_generation_prompt and not ns.is_tool %}{{ '<A><think>\\n' }}{% endif %}",
    # Tools listed before the conversation, calls and results inside it.
    "{%- if tools is not none and tools %}\n    {{- 'Environment: ipython\\n' }}\n    {%- for t in tools %}\n        {{- t | tojson(indent=4) }}\n        {{- \"\\n\\n\" }}\n    {%- endfor %}\n{%- endif %}\n"
    "{%- for message in messages %}\n    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}\n        {{- '<h>' + message['role'] + '</h>\\n\\n'+ message['content'] | trim + '<eot>' }}\n"
    "    {%- elif 'tool_calls' in message %}\n        {%- if not message.tool_calls|length == 1 %}\n            {{- raise_exception('one call at once') }}\n        {%- endif %}\n        {%- set tool_call = message.tool_calls[0].function %}\n"
    "        {{- '{\"name\": \"' + tool_call.name + '\", ' }}\n        {{- '\"parameters\": ' }}\n        {{- tool_call.arguments | tojson }}\n        {{- '}' }}\n    {%- else %}\n        {%- if message.content is mapping or message.content is iterable %}\n            {{- message.content | tojson }}\n        {%- else %}\n            {{- message.content }}\n        {%- endif %}\n    {%- endif %}\n{%- endfor %}\n",
    # Content in parts.
    "{%- for message in messages %}{%- if message['content'] is string %}{{ message['content'] }}{%- else %}{%- for part in message['content'] %}{%- if part['type'] == 'text' %}{{ part['text'] }}{%- elif part.type == 'image' %}<image>{%- else %}{{ raise_exception('unknown part ' ~ part.type) }}{%- endif %}{%- endfor %}{%- endif %}|{%- endfor %}",
    # A macro that walks a JSON schema.
    "{%- macro render(spec, level=0) -%}\n{%- if spec.type == 'object' -%}\n{{ '{' }}{% for key, value in spec.properties.items() %}{{ key }}{{ '?' if key not in (spec.required or []) }}: {{ render(value, level + 1) }}{% if not loop.last %}, {% endif %}{% endfor %}{{ '}' }}\n{%- elif spec['type'] in ['integer', 'number'] -%}\nnumber{% if spec.default is defined %} = {{ spec.default }}{% endif %}\n{%- else -%}\n{{ spec.type or 'any' }}\n{%- endif -%}\n{%- endmacro -%}\n{% for t in tools %}{{ t.function.name }}({{ render(t.function.parameters) }}) // {{ t.function.description }}{% endfor %}",
    # Walks backwards for the last user turn.
    "{%- set ns = namespace(last=-1) %}{%- for m in messages[::-1] %}{%- if m.role == 'user' and ns.last < 0 %}{%- set ns.last = messages|length - loop.index %}{%- endif %}{%- endfor %}{{ ns.last }}:{{ messages[ns.last].content }}",
    "{%- set loop_messages = messages -%}{%- for m in loop_messages if m.role != 'system' -%}{{ loop.index }}/{{ loop.length }} {{ m.role|upper }}: {{ m.content }}{{ '\\n' if not loop.last }}{%- endfor -%}{{ '\\nToday: ' ~ strftime_now('%d %b %Y') if strftime_now is defined }}",
]
CHATS = [
    CHAT, CHAT[1:], [U("a"), U("b")], [],
    [U("w?"), {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Z\u00fcrich", "n": 1.5}}}]},
        {"role": "tool", "content": {"temp": 20}}, A("<think>hm</think>20 degrees")],
    [{"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image"}]}, A("ok")],
    [{"role": "user", "content": [{"type": "video"}]}],
    [S("one"), S("two"), U(" q "), A(" a ")],
]

def cells(line):
    """A line of many expressions one by one, so that one that fails hides no other."""
    return re.findall(r"\{\{ .*? \}\}\|?(?= |$)", line) if line.count("{{ ") > 3 and "{%" not in line else [line]

def main():
    rows = []
    cases = [(t, CTX) for line in SNIPPETS.strip("\n").split("\n") for t in cells(line)] + [(t, CTX) for t in whitespace()] + [(t, CTX) for t in MULTILINE]
    for template in TEMPLATES:
        for chat in CHATS:
            for tools in (None, TOOLS):
                cases.append((template, {"messages": chat, "tools": tools, "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": tools is None}))
    for template, context in dict.fromkeys((t, json.dumps(c)) for t, c in cases):
        context = json.loads(context)
        used = {k: v for k, v in context.items() if re.search(rf"\b{k}\b", template)}
        row = {"template": template, "context": used}
        try:
            row["text"] = chat_template_utils._compile_jinja_template(template).render(**used)
            row["text"].encode()
        except Exception as e:
            row.pop("text", None)
            row["error"] = f"{type(e).__name__}: {e}"[:160]
        if " at 0x" in row.get("text", ""):
            continue  # a memory address
        rows.append(row)
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        for row in rows: f.write(json.dumps(row) + "\n")
    print(sys.argv[1], len(rows), "rows,", sum("error" in r for r in rows), "errors")

if __name__ == "__main__": main()
