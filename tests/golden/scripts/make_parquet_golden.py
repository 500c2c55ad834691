"""Writes what a Parquet reader must return, as the real Arrow reads it, and small files in encodings that the collected ones lack.

    hf-peer.sh tests/golden/scripts/make_parquet_golden.py     (from the repository root; needs pyarrow)

parquet/apache/NAME.expected.jsonl  rows of every readable file of the Apache parquet-testing collection that lies there (Apache-2.0)
parquet/made/TABLE.KIND.parquet     small files written here, one a codec or encoding, and TABLE.expected.jsonl
parquet/hub/                        the project's own rows as dataset hubs store them; their expected rows are not written here

How a value becomes JSON: text as it is; bytes that are not UTF-8 as {"base64": ...}; NaN and infinities as strings; decimals as numbers
with all their digits; dates and times in ISO 8601 with the fraction only when it is not zero; maps as objects keyed by the key's text.
"""
import base64
import datetime
import decimal
import json
import math
import pathlib
import random
import struct
import sys

import numpy
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "parquet"
# A CSV lies beside the one; the other is 40,000 rows of false.
OTHERWISE_KNOWN = {"delta_byte_array.parquet", "overflow_i16_page_cnt.parquet"}
DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


class Digits(float):
    """A number that json writes with exactly these digits."""

    def __new__(cls, text):
        value = super().__new__(cls, float(text))
        value.text = text
        return value

    def __repr__(self):
        return self.text


def clock(ticks, unit):
    per = 10 ** DIGITS[unit]
    seconds, rest = divmod(ticks, per)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text + (f".{rest:0{DIGITS[unit]}}" if rest else "")


def date(days):
    text = str(numpy.datetime64(days, "D"))
    return ("+" if len(text) > 10 and text[0] != "-" else "") + text


def timestamp(ticks, unit, zone):
    day = 86400 * 10 ** DIGITS[unit]
    days, rest = divmod(ticks, day)
    return f"{date(days)}T{clock(rest, unit)}{'Z' if zone else ''}"


def scalar(value, kind):
    if pa.types.is_timestamp(kind):
        return timestamp(value.value, kind.unit, kind.tz)
    if pa.types.is_date32(kind):
        return date(value.value)
    if pa.types.is_time(kind):
        return clock(value.value, kind.unit)
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        # The shortest digits that name this float32, so that the reader's value can be compared exactly.
        number = value.as_py()
        if not math.isfinite(number):
            return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
        digits = next(text for n in range(1, 20) if struct.pack("f", float(text := f"{number:.{n}g}")) == struct.pack("f", number))
        return float(digits)
    if pa.types.is_float64(kind):
        number = value.as_py()
        return number if math.isfinite(number) else ("NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity"))
    if pa.types.is_decimal(kind):
        return Digits(format(value.as_py(), "f"))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        data = value.as_py()
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(data).decode()}
    return value.as_py()


def plain(value):
    """A pyarrow scalar as a JSON value."""
    kind = value.type
    if not value.is_valid:
        return None
    if isinstance(kind, pa.BaseExtensionType):
        return str(value.as_py()) if kind.extension_name == "arrow.uuid" else plain(value.value)
    if pa.types.is_dictionary(kind):
        return plain(pa.scalar(value.as_py(), kind.value_type))
    if pa.types.is_map(kind):
        return {key if isinstance(key := plain(entry["key"]), str) else json.dumps(key): plain(entry["value"]) for entry in entries(value)}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return [plain(item) for item in value.values]
    if pa.types.is_struct(kind):
        return {field.name: plain(value[i]) for i, field in enumerate(kind)}
    return scalar(value, kind)


def entries(value):
    for i in range(len(value.values)):
        item = value.values[i]
        yield {"key": item[0], "value": item[1]}


def rows(table):
    columns = [(name, table.column(i)) for i, name in enumerate(table.column_names)]
    for i in range(table.num_rows):
        yield {name: plain(column[i]) for name, column in columns}


def write_expected(path, table):
    """One file of expected rows for all files of a table; the files of a table must agree."""
    text = "".join(dumps(row) + "\n" for row in rows(table))
    stem = path.name.split(".")[0] if path.parent.name == "made" else path.name.removesuffix(".parquet")
    expected = path.with_name(stem + ".expected.jsonl")
    assert WRITTEN.setdefault(expected, text) == text, path
    expected.write_text(text, encoding="utf-8")


WRITTEN = {}


def dumps(value):
    # json writes a subclass of float with float.__repr__; decimals must keep their digits.
    if isinstance(value, Digits):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(dumps(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def messages_table():
    rng = random.Random(5)
    words = ["ja", "nein", "größer", "漢字", "🙂", "\n", "\"quoted\"", "tab\t", ""]

    def text():
        return " ".join(rng.choice(words) for _ in range(rng.randrange(6)))

    def turns():
        return [{"role": rng.choice(["user", "assistant"]), "content": None if rng.random() < 0.1 else text()}
                for _ in range(rng.randrange(4))]

    kind = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    count = 60
    return pa.table({
        "prompt": pa.array([text() for _ in range(count)]),
        "chosen": pa.array([turns() if rng.random() > 0.1 else None for _ in range(count)], kind),
        "rejected": pa.array([turns() for _ in range(count)], kind),
        "margin": pa.array([rng.choice([None, rng.gauss(0, 3)]) for _ in range(count)], pa.float64()),
        "labels": pa.array([rng.randrange(-3, 3) for _ in range(count)], pa.int64()),
        "chosen_ids": pa.array([[rng.randrange(1 << 17) for _ in range(rng.randrange(5))] for _ in range(count)], pa.list_(pa.int32())),
        "ok": pa.array([rng.choice([True, False, None]) for _ in range(count)]),
    })


def types_table():
    d, t = datetime.date, datetime.datetime
    utc = datetime.timezone.utc
    return pa.table({
        "i8": pa.array([-128, 127, None], pa.int8()), "u8": pa.array([0, 255, None], pa.uint8()),
        "i16": pa.array([-32768, 32767, None], pa.int16()), "u16": pa.array([0, 65535, None], pa.uint16()),
        "i32": pa.array([-2**31, 2**31 - 1, None], pa.int32()), "u32": pa.array([0, 2**32 - 1, None], pa.uint32()),
        "i64": pa.array([-2**63, 2**63 - 1, None], pa.int64()), "u64": pa.array([0, 2**64 - 1, None], pa.uint64()),
        "f16": pa.array([0.5, -65504.0, None], pa.float16()), "f32": pa.array([0.1, float("inf"), None], pa.float32()),
        "f64": pa.array([0.1, float("nan"), None], pa.float64()),
        "date": pa.array([d(1969, 12, 31), d(2024, 2, 29), None]),
        "ms": pa.array([t(2024, 1, 2, 3, 4, 5, 678000), t(1960, 1, 1, 0, 0, 0), None], pa.timestamp("ms")),
        "us": pa.array([t(2024, 1, 2, 3, 4, 5, 678901), t(1960, 1, 1, 0, 0, 0, 1), None], pa.timestamp("us", "UTC")),
        "ns": pa.array([1704164645678901234, -1, None], pa.timestamp("ns")),
        "time_ms": pa.array([datetime.time(23, 59, 59, 999000), datetime.time(0), None], pa.time32("ms")),
        "time_us": pa.array([datetime.time(23, 59, 59, 999999), datetime.time(1, 2, 3), None], pa.time64("us")),
        "dec9": pa.array([decimal.Decimal("-1234.56"), decimal.Decimal("0.01"), None], pa.decimal128(9, 2)),
        "dec18": pa.array([decimal.Decimal("123456789012.345678"), decimal.Decimal("-0.000001"), None], pa.decimal128(18, 6)),
        "dec38": pa.array([decimal.Decimal("-12345678901234567890123456789.012345678"), decimal.Decimal(0), None], pa.decimal128(38, 9)),
        "fixed": pa.array([b"abcd", b"\xff\xfe\x00\x01", None], pa.binary(4)),
        "bytes": pa.array([b"plain", b"\xc3\x28", None], pa.binary()),
        "map": pa.array([[("a", 1), ("b", None)], [], None], pa.map_(pa.string(), pa.int32())),
        "map_int": pa.array([[(-1, "x")], [(2, "y"), (3, "z")], None], pa.map_(pa.int64(), pa.string())),
        "cube": pa.array([[[[1, 2], []], [None]], [], None], pa.list_(pa.list_(pa.list_(pa.int32())))),
        "struct": pa.array([{"a": {"b": [{"c": "deep"}, None]}, "d": None}, {"a": None, "d": 1.5}, None],
                           pa.struct([("a", pa.struct([("b", pa.list_(pa.struct([("c", pa.string())])))])), ("d", pa.float64())])),
    })


def numbers_table():
    rng = random.Random(9)
    walk, big = [0], []
    for _ in range(400):
        walk.append(walk[-1] + rng.randrange(-5, 100))
        big.append(rng.randrange(-2**63, 2**63))
    return pa.table({
        "walk": pa.array(walk[1:], pa.int32()), "big": pa.array(big, pa.int64()),
        "text": pa.array([f"row {i:05} of {rng.randrange(10)}" for i in range(400)]),
        "f32": pa.array([rng.gauss(0, 1) for _ in range(400)], pa.float32()),
        "f64": pa.array([None if i % 7 == 0 else rng.gauss(0, 1) for i in range(400)], pa.float64()),
        "fixed": pa.array([rng.randbytes(3) for _ in range(400)], pa.binary(3)),
        "flag": pa.array([None if i % 11 == 0 else i % 3 == 0 for i in range(400)]),
    })


def main():
    made = FOLDER / "made"
    made.mkdir(exist_ok=True)
    messages, types, numbers = messages_table(), types_table(), numbers_table()
    small = {"data_page_size": 256, "row_group_size": 25, "write_statistics": False}
    for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
        pq.write_table(messages, made / f"messages.{codec}.parquet", compression=codec, **small)
        pq.write_table(messages, made / f"messages.{codec}.v2.parquet", compression=codec, data_page_version="2.0", **small)
    pq.write_table(messages, made / "messages.crc.parquet", compression="snappy", write_page_checksum=True, **small)
    pq.write_table(messages, made / "messages.two-level.parquet", use_compliant_nested_type=False, **small)
    pq.write_table(messages.slice(0, 0), made / "no-rows.parquet")
    pq.write_table(types, made / "types.parquet", compression="none", version="2.6")
    pq.write_table(types.select(["ms", "us", "ns"]), made / "int96.parquet", use_deprecated_int96_timestamps=True)
    deltas = {"walk": "DELTA_BINARY_PACKED", "big": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY", "f32": "BYTE_STREAM_SPLIT",
              "f64": "BYTE_STREAM_SPLIT", "fixed": "DELTA_BYTE_ARRAY", "flag": "RLE"}
    lengths = {"walk": "BYTE_STREAM_SPLIT", "big": "BYTE_STREAM_SPLIT", "text": "DELTA_LENGTH_BYTE_ARRAY", "fixed": "BYTE_STREAM_SPLIT"}
    for name, encoding in [("delta", deltas), ("split", lengths)]:
        for version in ["1.0", "2.0"]:
            pq.write_table(numbers, made / f"numbers.{name}.v{version[0]}.parquet", use_dictionary=False, column_encoding=encoding,
                           data_page_version=version, compression="none", data_page_size=1024)
    for folder in [made, FOLDER / "apache"]:
        for path in sorted(folder.glob("*.parquet")):
            if path.name in OTHERWISE_KNOWN:
                continue
            try:
                table = pq.read_table(path, page_checksum_verification=True)
                write_expected(path, table)
                print(folder.name, path.name, table.num_rows)
            except (pa.ArrowException, OSError) as error:
                print(folder.name, path.name, "not readable:", error, file=sys.stderr)


main()
