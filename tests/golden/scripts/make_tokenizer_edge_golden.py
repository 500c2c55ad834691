#!/usr/bin/env python3
"""Token ids of Hugging Face tokenizers where implementations differ: random Unicode, added-token flags, split behaviors, post-processors.

Usage: make_tokenizer_edge_golden.py REPOSITORY      (the root of this project; writes into its tests/golden/tokenizer/edge)
Needs: tokenizers.
unicode.jsonl   {"tokenizer", "text", "ids"}: random strings from many scripts, on the golden families and the quickstart model.
variants.jsonl  {"name", "patch", "tokens", "rows": [{"text", "ids", "with_special"}]}: the quickstart tokenizer.json with the sections of
                "patch" replaced and "tokens" appended to added_tokens.
nfc.jsonl       {"text", "nfc"}: normalizers.NFC of the library.
"""
import json, pathlib, random, sys
from tokenizers import Tokenizer, normalizers

POOLS = [
    [chr(c) for c in range(0x20, 0x7F)], list("    \n\r\t\u000b\u000c\u0085\u00a0\u1680\u2000\u2003\u2028\u2029\u202f\u205f\u3000\u180e\u200b\ufeff"),
    list("'''sStTmMdDrReEvVlL\u017f\u212a"), list("0123456789\u0663\u0be7\u2167\u00bd\u00b2\u2460\U0001d7d8\U00010107"),
    list("éßñÅ\u0301\u0300\u0323\u0308\u0327\u0345\u0338"), list("αβγΣςДжёЇ"), list("אבגשׁ\u05b0\u05bc"), list("بتثآئـَِّ"),
    list("हिन्दी\u0915\u093c\u0958"), list("ไทยกำ"), list("가각한\u1100\u1161\u11a8\u1112\u1175\ud7b0"), list("中文日本語かなガｶﾞ々〇"),
    list("👍🏽👨‍👩‍👧🇫🇷☃️✈"), list("𝐀𝒷𝕏𐐀𐐨\U00020000\U0002f800\U0001d15e\U00011099\U000110ba"), list("Ⅷↀⓐ🄰\u2460ªº"), list("_-=+<|>.,;:!?()[]{}\\/\"`~@#$%^&*"),
]

def random_text(rng, longest):
    out = []
    while len(out) < longest:
        pool = rng.choice(POOLS)
        out += [rng.choice(pool) for _ in range(rng.randint(1, 6))]
        if rng.random() < 0.2:
            break
    return "".join(out)

def token(content, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False, **flags}

def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}

def split(pattern, behavior, invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}

def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}

def template(single, **tokens):
    pieces = [{"Sequence": {"id": "A", "type_id": 0}} if p == "A" else {"SpecialToken": {"id": p, "type_id": 0}} for p in single]
    specials = {name: {"id": name, "ids": ids, "tokens": [name] * len(ids)} for name, ids in tokens.items()}
    return {"type": "TemplateProcessing", "single": pieces, "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": specials}

WORDS = ["", " ", "Hello world", "it's 12345 o'clock, isn't it?", "  two  spaces\n\n and\ttabs \r\n", "foo-bar--baz_qux", "naïve café 日本語 👍", "a1b22c333 ٣٤٥ Ⅷ½"]
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

def variants():
    flags = ["<X>", " <X> ", "a<X>b", "a <X> b", "a\n<X>\t\u3000b", "<X><X>", " <X>  <X> ", "<X>_", "é<X>", "<X>é", "1<X>", "-<X>-", "\u200d<X>", "Ⓐ<X>", "\u00bd<X>", "  <X>\u0301", "<X"]
    for name, f in {"plain": {}, "single_word": {"single_word": True}, "lstrip": {"lstrip": True}, "rstrip": {"rstrip": True},
                    "both_strips": {"lstrip": True, "rstrip": True}, "strips_single_word": {"lstrip": True, "rstrip": True, "single_word": True},
                    "normalized": {"normalized": True}, "normalized_strips": {"normalized": True, "lstrip": True, "rstrip": True},
                    "special": {"special": True}}.items():
        yield f"added_{name}", {}, [token("<X>", **f)], flags
    yield "longest_leftmost", {}, [token("qx"), token("qxc"), token("xcd"), token("qxcde")], ["qxcd", "qxcde", "xqxcdex", "qqxxcc", "qxxcd", "qxcqxcdeqxx"]
    yield "normalized_content", {}, [token("caf\u00e9", normalized=True), token("e\u0301t", normalized=False), token("\u212bx", normalized=True)], \
        ["cafe\u0301 caf\u00e9", "e\u0301t \u00e9t", "\u212bx \u00c5x A\u030ax", "caf\u00e9\u0301"]
    yield "raw_before_normalized", {}, [token("qx", normalized=True), token("xc", normalized=False)], ["qxc", "qx xc", "qxxc"]
    yield "space_tokens", {}, [token("  "), token("\n\n\n"), token("<X>", rstrip=True)], ["a  b", "a    b   c", "\n\n\n\n x", "<X>  b", "<X>\n\n\nb", "<X>    b  "]
    yield "single_word_overlap", {}, [token("qx", single_word=True), token("zqx")], ["zqx qx", "zqxqx qx", "qx", "qx.", "a qx b"]
    for prefix in (False, True):
        for regex in (False, True):
            yield f"byte_level_prefix_{prefix}_regex_{regex}", {"pre_tokenizer": byte_level(prefix, regex)}, [], WORDS + ["<|im_start|>x y<|im_end|> z"]
    for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            yield f"split_{behavior}_{invert}", {"pre_tokenizer": sequence(split(r"[-_ ]", behavior, invert), byte_level(False, False))}, [], WORDS + ["--a--", "a-_ b", "-", "a"]
        yield f"split_string_{behavior}", {"pre_tokenizer": sequence(split("--", behavior, kind="String"), byte_level())}, [], WORDS + ["---a----b--", "--"]
    yield "split_prefix_space", {"pre_tokenizer": sequence(split(QWEN, "Isolated"), byte_level(True, False))}, [], WORDS
    yield "digits", {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": True}, byte_level())}, [], WORDS
    yield "digits_together", {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": False}, byte_level())}, [], WORDS
    yield "three_splits", {"pre_tokenizer": sequence(split(r"\p{N}{1,3}", "Isolated"), split(r"[一-龥぀-ゟ゠-ヿ]+", "Isolated"),
        split(r"[!-/:-~]?[A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+", "Isolated"), byte_level(False, False))}, [], WORDS
    yield "cased_runs", {"pre_tokenizer": sequence(split(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "Isolated"), byte_level(False, False))}, [], WORDS + ["HTMLParser camelCase DON'T Don'T it'\u017f", "ǅx ʰa"]
    yield "ignore_merges", {"model.ignore_merges": True}, [], WORDS
    yield "merge_strings", {"merges": "strings"}, [], WORDS
    bos = {"BOS": [4093]}
    yield "template_bos", {"post_processor": template(["BOS", "A"], **bos)}, [], WORDS
    yield "template_bos_eos", {"post_processor": template(["BOS", "A", "EOS"], BOS=[4093, 4094], EOS=[4095])}, [], WORDS
    yield "post_sequence", {"post_processor": {"type": "Sequence", "processors": [byte_level(), template(["BOS", "A"], **bos)]}}, [], WORDS
    yield "no_normalizer", {"normalizer": None}, [], ["e\u0301 \u212b \u1100\u1161"]
    yield "normalizer_sequence", {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFC"}]}}, [], ["e\u0301 \u212b \u1100\u1161"]

def patched(base, patch, tokens):
    spec = json.loads(json.dumps(base))
    for key, value in patch.items():
        if key == "merges":
            spec["model"]["merges"] = [" ".join(m) for m in spec["model"]["merges"]]
        elif key == "model.ignore_merges":
            spec["model"]["ignore_merges"] = value
        else:
            spec[key] = value
    spec["added_tokens"] += [{"id": 4096 + i, **t} for i, t in enumerate(tokens)]
    return spec

def main():
    root = pathlib.Path(sys.argv[1])
    out = root / "tests/golden/tokenizer/edge"
    out.mkdir(exist_ok=True)
    base = json.loads((root / "examples/quickstart/model/tokenizer.json").read_text(encoding="utf-8"))
    rng = random.Random(11)
    with open(out / "unicode.jsonl", "w", encoding="utf-8") as f:
        for family in ("qwen2.5", "llama3", "quickstart"):
            text = json.dumps(base) if family == "quickstart" else \
                (root / "tests/golden/tokenizers" / family / "tokenizer.json").read_text(encoding="utf-8")
            tok = Tokenizer.from_str(text)
            for i in range(400):
                t = random_text(rng, rng.choice([4, 10, 40]))
                f.write(json.dumps({"tokenizer": family, "text": t, "ids": tok.encode(t, add_special_tokens=False).ids}) + "\n")
    with open(out / "variants.jsonl", "w", encoding="utf-8") as f:
        for name, patch, tokens, texts in variants():
            tok = Tokenizer.from_str(json.dumps(patched(base, patch, tokens)))
            texts = list(texts) + [random_text(rng, 10) for _ in range(4)]
            rows = [{"text": t, "ids": tok.encode(t, add_special_tokens=False).ids, "with_special": tok.encode(t).ids} for t in texts]
            f.write(json.dumps({"name": name, "patch": patch, "tokens": tokens, "rows": rows}) + "\n")
    nfc = normalizers.NFC()
    marks = [chr(c) for c in list(range(0x300, 0x370)) + list(range(0x591, 0x5C8)) + list(range(0x64B, 0x660)) + [0x93C, 0x94D, 0x9BE, 0x9D7, 0xDCF, 0x1D165, 0x1D16E, 0x110BA, 0x11127]]
    starters = [chr(c) for c in range(0xC0, 0x33FF) if chr(c).isprintable()] + [chr(c) for c in list(range(0xF900, 0xFAD9)) + list(range(0xFB1D, 0xFB50)) + list(range(0xAC00, 0xAD00)) + list(range(0x1D157, 0x1D1C0)) + list(range(0x2F800, 0x2FA1D)) + [0x11099, 0x1109B, 0x110A5, 0x11131, 0x11347]]
    with open(out / "nfc.jsonl", "w", encoding="utf-8") as f:
        for _ in range(1500):
            t = "".join(rng.choice(rng.choice([marks, marks, starters, list("aeoAEOsSkK \u1100\u1161\u11a8\uac00")])) for _ in range(rng.randint(1, 12)))
            f.write(json.dumps({"text": t, "nfc": nfc.normalize_str(t)}) + "\n")

if __name__ == "__main__":
    main()
