#!/usr/bin/env python3
"""Token ids of Hugging Face tokenizers for every kind of tokenizer.json that btrm reads: SentencePiece-like BPE, Unigram, normalizers,
pre-tokenizers, split patterns.

Usage: make_tokenizer_kinds_golden.py REPOSITORY      (the root of this project; writes into its tests/golden/tokenizer/kinds)
Needs: tokenizers.
NAME.json          trained here: "llama" (BPE with byte fallback), "crossing" (BPE whose tokens cross words), "unigram" (with a charsmap).
                   The base "quickstart" is examples/quickstart/model/tokenizer.json.
variants.jsonl.gz  {"name", "base", "patch", "texts", "ids", "special", "decoded"}: the base with the values at the paths of "patch" replaced;
                   "texts" are rows of texts.json or their own; ids is null where the library refuses the text; decoded is that of ids.
scalars.json       SHA-256 of what a normalizer or pre-tokenizer makes of every assigned scalar of Unicode 16 by itself, one a line (pieces with | between).
"""
import base64, gzip, hashlib, json, pathlib, random, struct, sys, unicodedata
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from make_tokenizer_edge_golden import POOLS, byte_level, random_text, sequence, split, template, token

LINES = """The small boat left the harbour before sunrise. She said that the clock's hands don't move, and they didn't.
Answer in 3 steps: first read, then think, and write at most 120 words. Prices rose by 4.5% in 2023 and 12% in 2024.
Der alte Mann ging über die Straße und grüßte höflich. Le garçon a déjà mangé des crêpes à l'hôtel. ¿Dónde está la niña?
Он улыбнулся и пошёл домой. Η γάτα κοιμάται στον ήλιο. 雨が降る前に家に帰る。我们明天去学校学习中文。오늘은 날씨가 좋다.
def area(radius):\n    return 3.14159 * radius ** 2\n\nfor i in range(10):\n    print(i, area(i))\n
A reward model gives a higher score to the better answer. The better answer is the one that people prefer. 😀 👍🏽 fine.
    if (value == null) {\n        throw new Error("missing");\n    }\n\n\n## Title\n\n- one\n- two\n  - three\n
""".split("\n")
FIXED = ["", "a", " ", " a", "a ", "  ", "   two  spaces ", "The small boat", "the clock's hands don't move", "12 345 6789", "3.14159 * radius ** 2",
    "Umlaute: ÄÖÜ äöü ß", "雨が降る前に家に帰る。", "Он улыбнулся и пошёл", "emoji 😀👩‍👧 and ☂ 👍🏽", "tab\tand\nnewline\r\nend\n", "\n\n\n", "...!?,;-- (a) [b] \"q\"",
    "<s>x</s>", "x<s> y </s>z", " <s> a", "<unk>", "control \x01\x04\x13 bytes \x7f\x8f", "plane 5: \U00054321 plane 9: \U00094321", "\u00a0nbsp\u2028line\u3000wide",
    "ｆｕｌｌ ﬁ ① ㎏ ½ Ⅷ ﷺ", "e\u0301 vs \u00e9 q\u0323\u0307 \u1e9b\u0323", "ALL CAPS IT'S İstanbul ẞ ΣΑΣ", "a_b-c/d\\e", "\ufeffbom\u200b\u200dz", "   \n  \t x", "99999999999999999999",
    "▁already▁marked ▁", "<0x41><0xE6>", "``quoted''", "漢字とカナ한글ไทย", "\u0600a \u0915\u094d\u0937 e\u200db \r\n\u0308", "a" * 60, "the " * 30, "z\u0335\u0336 \u00ad soft", "𝐀𝒷 𐐀𐐨 \U0001d15e"]

def charsmap(pairs):
    """SentencePiece's precompiled map: a Darts-clone double array over UTF-8, then the texts. Built the slow, plain way."""
    texts, places = bytearray(), {}
    for _, to in pairs:
        if to not in places:
            places[to] = len(texts)
            texts += to.encode() + b"\0"
    trie = {}
    for key, to in pairs:
        node = trie
        for b in key.encode():
            node = node.setdefault(b, {})
        node[None] = places[to]
    units, used = {0: 0}, {0}
    def place(node, at):
        labels = [0 if c is None else c for c in node]
        base = next(b for b in range(1, 1 << 21) if all(b ^ c not in used for c in labels) and (b ^ at) < 1 << 21)
        used.update(base ^ c for c in labels)
        units[at] |= (base ^ at) << 10 | (0x100 if None in node else 0)
        for c, child in node.items():
            if c is None:
                units[base] = child | 1 << 31
            else:
                units[base ^ c] = c
        for c, child in node.items():
            if c is not None:
                place(child, base ^ c)
    place(trie, 0)
    size = (max(units) | 0xFF) + 1
    return base64.b64encode(struct.pack("<I", size * 4) + b"".join(struct.pack("<I", units.get(i, 0)) for i in range(size)) + bytes(texts)).decode()

def map_pairs():
    pairs = [(c, " ") for c in "\t\n\r\u00a0\u3000\u2028\u200b"] + [(c, "") for c in "\u00ad\ufeff\x01\x7f"] + [("\r\n", "\n")]
    pairs += [(chr(c), unicodedata.normalize("NFKC", chr(c))) for c in list(range(0xFF21, 0xFF5B)) + list(range(0x2460, 0x2470)) + [0xFB01, 0xFB02, 0xBD, 0x338F, 0x1D400, 0x1D4B7, 0xE33, 0x0958]]
    pairs += [(b + m, unicodedata.normalize("NFC", b + m)) for b in "aeiouAEIOU" for m in "\u0300\u0301\u0302\u0308"]
    pairs += [("がぎぐ"[i], "がぎぐ"[i]) for i in range(3)] + [("か\u3099", "が"), ("ß", "ss"), ("é", "é")]
    return [p for p in dict(pairs).items()]

def bpe(normalizer, pre_tokenizer, size):
    tok = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.normalizer, tok.pre_tokenizer = normalizer, pre_tokenizer
    tok.train_from_iterator(LINES * 3, trainers.BpeTrainer(vocab_size=size, min_frequency=2, show_progress=False, limit_alphabet=150,
        special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]))
    spec = json.loads(tok.to_str())
    spec["added_tokens"] = spec["added_tokens"][:3]
    return spec

def bases(root):
    mark = normalizers.Replace(" ", "▁")
    llama = bpe(mark, pre_tokenizers.Metaspace(prepend_scheme="always"), 900)
    prepend = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
    bos = template(["<s>", "A"], **{"<s>": [1]})
    decoder = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    llama.update(normalizer=prepend, pre_tokenizer=None, post_processor=bos, decoder=decoder)
    crossing = bpe(mark, None, 640)
    crossing.update(normalizer=prepend, pre_tokenizer=None, post_processor=bos, decoder=decoder)
    tok = Tokenizer(models.Unigram())
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.train_from_iterator(LINES * 3, trainers.UnigramTrainer(vocab_size=500, special_tokens=["<s>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False, max_piece_length=8))
    unigram = json.loads(tok.to_str())
    unigram.update(normalizer={"type": "Precompiled", "precompiled_charsmap": charsmap(map_pairs())},
        pre_tokenizer=sequence({"type": "WhitespaceSplit"}, metaspace()), post_processor=template(["A", "</s>"], **{"</s>": [1]}), decoder=metaspace())
    return {"llama": llama, "crossing": crossing, "unigram": unigram,
        "quickstart": json.loads((root / "examples/quickstart/model/tokenizer.json").read_text(encoding="utf-8"))}

def metaspace(**more):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True, **more}

def replace(pattern, content, kind="String"):
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}

def steps(*items):
    return {"type": "Sequence", "normalizers": list(items)}

PATTERNS = {
    "kimi": r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    "end": r"\s+$", "start": r"^\s+|^#+", "boundary": r"\b\w+\b|\B.", "ends": r"\A\S+|\S+\z|x\Z", "lazy": r"<.+?>|\(.*?\)|\d{2,4}?", "behind": r"(?<=\d)\p{L}+|(?<![a-z])[A-Z]+", "atomic": r"(?>a+)b|(?>\s+)x|\w",
    "scripts": r"\p{Hiragana}+|\p{Katakana}+|\p{Hangul}+|\p{Cyrillic}+|\p{Greek}+|\p{Thai}+|\p{Latin}+", "classes": r"[a-z&&[^aeiou]]+|[\p{L}&&\p{Lu}]+", "flag": r"(?i)the|small\b", "posix_free": r"[\d.,]+|[^\W\d_]+",
    "interval": r"(?:[a-z]{1,2})+|\p{N}{2}?[ a]", "open_interval": r"[a-z]{,3}[0-9]|[a-z]{2,}",
}

def variants():
    everything = lambda *more: {"texts": "all", "more": list(more)}
    some = lambda *more: {"texts": "some", "more": list(more)}
    def added(**flags):
        return [{"id": 0, **token("<unk>", special=True)}, {"id": 1, **token("<s>", special=True)}, {"id": 2, **token("</s>", special=True)}] + [{"id": 900, **token("<X>", **flags)}]
    yield "llama2", "llama", {}, everything()
    for name, flags in {"plain": {}, "normalized": {"normalized": True}, "lstrip": {"lstrip": True}, "rstrip": {"rstrip": True}, "single_word": {"single_word": True}, "normalized_strips": {"normalized": True, "lstrip": True, "rstrip": True}}.items():
        yield f"llama2_added_{name}", "llama", {"added_tokens": added(**flags)}, some("<X>", " <X> ", "a<X>b", "a <X> b", "x <X>\n <X>y", "▁<X>", "<X><X>")
    yield "mistral", "llama", {"normalizer": None, "pre_tokenizer": metaspace(prepend_scheme="first", split=False)}, everything("<s>a", "<s> a", "a</s> b</s>c")
    yield "metaspace_always", "llama", {"normalizer": None, "pre_tokenizer": metaspace()}, everything("<s>a", "a</s> b</s>c")
    yield "metaspace_first_split", "llama", {"normalizer": None, "pre_tokenizer": metaspace(prepend_scheme="first")}, some("<s>a", "a</s> b</s>c")
    yield "metaspace_never", "llama", {"normalizer": None, "pre_tokenizer": metaspace(prepend_scheme="never")}, some("a</s> b</s>c")
    yield "metaspace_old", "llama", {"normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True, "str_rep": "▁"}}, some()
    yield "metaspace_old_never", "llama", {"normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False, "prepend_scheme": "never"}}, some()
    yield "metaspace_other_mark", "llama", {"normalizer": None, "pre_tokenizer": metaspace(replacement="_")}, some("a_b _c")
    first = metaspace(prepend_scheme="first")
    for name, normalizer in {"strip": {"type": "Strip", "strip_left": True, "strip_right": True}, "spaces": replace(" {2,}", " ", "Regex"), "drop": replace("T", ""), "accents": {"type": "StripAccents"}, "nmt": {"type": "Nmt"}, "nfkd": {"type": "NFKD"}}.items():
        yield f"metaspace_first_after_{name}", "llama", {"normalizer": normalizer, "pre_tokenizer": first}, some("  a b", "The", "\u0301a", "\x01a", "  ", "T", "\u00e9a", "ﬁ a", "<s>\u0301a")
    yield "metaspace_first_after_splits", "llama", {"normalizer": None, "pre_tokenizer": sequence({"type": "WhitespaceSplit"}, split(r"\d", "Isolated"), first)}, some(" a b", "1a", "a1")
    yield "gemma", "llama", {"normalizer": replace(" ", "▁"), "pre_tokenizer": split(" ", "MergedWithPrevious", kind="String")}, everything()
    yield "no_bytes", "llama", {"model.byte_fallback": False}, everything()
    yield "no_bytes_no_fuse", "llama", {"model.byte_fallback": False, "model.fuse_unk": False}, some("日本語", "a日b本 語")
    yield "no_unknown", "llama", {"model.byte_fallback": False, "model.unk_token": None}, some("日本語", "th\u0e01e", "a日b本 語")
    yield "some_bytes", "llama", {"drop_tokens": ["<0xE0>", "<0xE1>"]}, some("日\u0e01本\u0e02\u0e03語", "\u0e01日", "\u0e01a日\u1e00")
    yield "some_bytes_no_fuse", "llama", {"drop_tokens": ["<0xE0>", "<0xE1>"], "model.fuse_unk": False}, some("日\u0e01本\u0e02\u0e03語", "\u0e01日", "\u0e01a日\u1e00")
    yield "ignore_merges", "llama", {"model.ignore_merges": True, "normalizer": None, "pre_tokenizer": metaspace()}, some()
    yield "ignore_merges_whole", "llama", {"model.ignore_merges": True}, some("the", "the the")
    yield "crossing", "crossing", {}, everything(" ".join(LINES[0:2]), LINES[3], " ".join(LINES))
    yield "crossing_no_bytes", "crossing", {"model.byte_fallback": False}, everything(" ".join(LINES))
    yield "merge_strings", "llama", {"merge_strings": True}, some()
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"):
        yield f"normalizer_{form}", "quickstart", {"normalizer": {"type": form}}, everything()
    for left in (False, True):
        yield f"normalizer_strip_{left}", "quickstart", {"normalizer": {"type": "Strip", "strip_left": left, "strip_right": not left}}, some("\u3000 a \u0085\n")
    yield "normalizer_albert", "quickstart", {"normalizer": steps(replace("``", '"'), replace("''", '"'), {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, replace(" {2,}", " ", "Regex"))}, everything()
    yield "normalizer_claude", "quickstart", {"normalizer": steps({"type": "NFKC"}, {"type": "Lowercase"})}, some()
    yield "normalizer_regex", "quickstart", {"normalizer": replace(r"\p{N}+|e\b", "#9", "Regex")}, some()
    yield "t5", "unigram", {}, everything()
    yield "xlmr", "unigram", {"pre_tokenizer": metaspace(), "post_processor": template(["<s>", "A", "</s>"], **{"<s>": [0], "</s>": [1]})}, everything()
    yield "unigram_new", "unigram", {"normalizer.more": [{"type": "Strip", "strip_left": False, "strip_right": True}, replace(" {2,}", "▁", "Regex")], "pre_tokenizer": metaspace(prepend_scheme="first")}, everything("  a  b", "\tx")
    yield "unigram_bare", "unigram", {"normalizer": None, "pre_tokenizer": None}, everything(" ".join(LINES))
    yield "unigram_no_split", "unigram", {"pre_tokenizer": metaspace(split=False)}, some(" ".join(LINES))
    yield "unigram_albert", "unigram", {"normalizer.before": [replace("``", '"'), replace("''", '"'), {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]}, some()
    yield "unigram_bytes", "unigram", {"byte_tokens": True, "model.byte_fallback": True}, everything()
    ab = [a + b + c for a in ("", "a", "b") for b in ("", "a", "b") for c in "ab"]
    rounded = lambda x: struct.unpack("f", struct.pack("f", x))[0]
    rng = random.Random(5)
    ties = [["<unk>", 0.0]] + [[t, rounded(-rng.choice([3, 9, 12]) * rng.random())] for t in sorted(set(ab))]
    yield "unigram_ties", "unigram", {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "model.unk_id": 0, "model.vocab": ties}, \
        {"texts": "none", "more": ["".join(rng.choice("ab") for _ in range(n % 40 + 3)) for n in range(100)]}
    yield "unigram_numbers", "unigram", {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "model.unk_id": 0, "model.vocab": [["<unk>", 0]] + [
        [t, s] for t, s in zip(sorted(set(ab)), [-1, -2.5e0, -1e-3, -123456789012345678901.5, -0.1234567890123456789, -1.7976931348623157e308, -4.9e-324, 0, -1e2, -18446744073709551615, -3.3, -2E1, -7, -11.703954696655273])]}, \
        {"texts": "none", "more": ["".join(rng.choice("ab") for _ in range(n % 40 + 3)) for n in range(60)]}
    for name in ("Roberta", "Bert"):
        yield f"processor_{name.lower()}", "quickstart", {"post_processor": {"type": f"{name}Processing", "sep": ["<|im_end|>", 4095], "cls": ["<|im_start|>", 4094],
            **({"trim_offsets": True, "add_prefix_space": False} if name == "Roberta" else {})}}, some()
    yield "unigram_no_unknown", "unigram", {"model.unk_id": None}, some("日本語")
    for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        yield f"punctuation_{behavior}", "quickstart", {"pre_tokenizer": sequence({"type": "Punctuation", "behavior": behavior}, byte_level())}, some()
    yield "punctuation_default", "llama", {"pre_tokenizer": {"type": "Punctuation"}}, some()
    for kind in ("Whitespace", "WhitespaceSplit"):
        yield kind.lower(), "llama", {"pre_tokenizer": {"type": kind}, "normalizer": None}, everything()
        yield f"{kind.lower()}_bytes", "quickstart", {"pre_tokenizer": sequence({"type": kind}, byte_level())}, some()
    yield "char_delimiter", "llama", {"pre_tokenizer": {"type": "CharDelimiterSplit", "delimiter": "a"}}, some()
    yield "digits_llama", "llama", {"pre_tokenizer": {"type": "Digits", "individual_digits": True}}, some()
    yield "falcon", "quickstart", {"pre_tokenizer": sequence({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(), {"type": "Digits", "individual_digits": False}, split("[0-9][0-9][0-9]", "Isolated"))}, everything()
    yield "bytes_then_whitespace", "quickstart", {"pre_tokenizer": sequence(byte_level(False, False), {"type": "Whitespace"}, {"type": "Punctuation", "behavior": "Isolated"})}, some()
    yield "deepseek", "quickstart", {"pre_tokenizer": sequence(split("[\r\n]", "Isolated"), split(r"\s?\p{L}+", "Isolated"), split(r"\s?\p{P}+", "Isolated"), split(r"[一-龥ࠀ-一가-퟿]+", "Isolated"), {"type": "Digits", "individual_digits": True}, byte_level(False, False))}, everything()
    for name, pattern in PATTERNS.items():
        yield f"pattern_{name}", "quickstart", {"pre_tokenizer": sequence(split(pattern, "Isolated"), byte_level(False, False))}, everything("# a\n ## b\n\n", "x<b>c</b> (1)(2)", "aab aaab  x", "HTMLParser DON'T 12ab", "The SMALL boat", " \n \n", "x")

def patched(base, patch):
    spec = json.loads(json.dumps(base))
    for path, value in patch.items():
        if path == "drop_tokens":
            for t in value:
                spec["model"]["vocab"].pop(t)
        elif path == "byte_tokens":
            spec["model"]["vocab"] += [[f"<0x{b:02X}>", 0.0] for b in range(256)]
        elif path == "merge_strings":
            spec["model"]["merges"] = [" ".join(m) for m in spec["model"]["merges"]]
        elif path == "normalizer.more":
            spec["normalizer"] = steps(spec["normalizer"], *value)
        elif path == "normalizer.before":
            spec["normalizer"] = steps(*value, spec["normalizer"])
        elif path.startswith("model."):
            spec["model"][path[6:]] = value
        else:
            spec[path] = value
    return spec

def encoded(tok, text, special):
    try:
        return tok.encode(text, add_special_tokens=special).ids
    except Exception:  # the library's own error: no id for what it does not know
        return None

def scalars():
    every = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cs", "Cn")]
    digest = lambda lines: hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()
    for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "Strip"):
        n = getattr(normalizers, name)()
        yield name, digest(n.normalize_str(c) for c in every)
    for name, p in {"Punctuation": pre_tokenizers.Punctuation("isolated"), "Digits": pre_tokenizers.Digits(False), "Whitespace": pre_tokenizers.Whitespace(), "WhitespaceSplit": pre_tokenizers.WhitespaceSplit()}.items():
        yield name, digest("|".join(piece for piece, _ in p.pre_tokenize_str("a" + c)) for c in every)

def main():
    root = pathlib.Path(sys.argv[1])
    out = root / "tests/golden/tokenizer/kinds"
    out.mkdir(exist_ok=True)
    kinds = bases(root)
    for name, spec in kinds.items():
        if name != "quickstart":
            (out / f"{name}.json").write_text(json.dumps(spec, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    rng = random.Random(23)
    texts = FIXED + [random_text(rng, rng.choice([4, 12, 40])) for _ in range(60)]
    (out / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    with gzip.GzipFile(out / "variants.jsonl.gz", "wb", mtime=0) as f:
        for name, base, patch, rows in variants():
            tok = Tokenizer.from_str(json.dumps(patched(kinds[base], patch)))
            indices = [] if rows["texts"] == "none" else list(range(len(texts))) if rows["texts"] == "all" else list(range(len(FIXED))) + list(range(len(FIXED), len(texts), 4))
            mine = [texts[i] for i in indices] + rows["more"]
            ids = [encoded(tok, t, False) for t in mine]
            line = {"name": name, "base": base, "patch": patch, "texts": indices + rows["more"], "ids": ids, "special": [encoded(tok, t, True) for t in mine],
                "decoded": [None if i is None else tok.decode(i, skip_special_tokens=False) for i in ids]}
            f.write(json.dumps(line).encode() + b"\n")
    (out / "scalars.json").write_text(json.dumps(dict(scalars()), indent=1) + "\n", encoding="utf-8")

if __name__ == "__main__":
    main()
