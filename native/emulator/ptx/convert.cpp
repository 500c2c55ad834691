// cvt between integers, floating-point formats and pairs of them.
#include <cfenv>
#include <cmath>
#include <limits>

#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"

namespace emu::ptx {
namespace {

/// What a conversion does beside the types.
constexpr std::uint16_t kFlush = 1, kSaturate = 2, kRelu = 4, kRoundShift = 3, kIntegral = 32;
constexpr int kRounds[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

enum class Format : std::uint8_t { S8, U8, S16, U16, S32, U32, S64, U64, F16, Bf16, F32, F64, Tf32, Unknown };

Format parse_format(std::string_view name) {
    constexpr std::string_view kNames[] = {"s8",  "u8",  "s16",  "u16", "s32", "u32", "s64",
                                           "u64", "f16", "bf16", "f32", "f64", "tf32"};
    for (std::size_t i = 0; i < std::size(kNames); i++) {
        if (kNames[i] == name) return static_cast<Format>(i);
    }
    return Format::Unknown;
}

bool is_integer(Format format) {
    return format <= Format::U64;
}

unsigned bits_of(Format format) {
    constexpr unsigned kBits[] = {8, 8, 16, 16, 32, 32, 64, 64, 16, 16, 32, 64, 32};
    return kBits[static_cast<unsigned>(format)];
}

template <typename To, typename From>
To clamp_to(From value) {
    constexpr auto kLow = std::numeric_limits<To>::min(), kHigh = std::numeric_limits<To>::max();
    if constexpr (std::is_signed_v<From>) {
        if (value < 0) return static_cast<__int128>(value) < static_cast<__int128>(kLow) ? kLow : static_cast<To>(value);
    }
    return static_cast<unsigned __int128>(value) > static_cast<unsigned __int128>(kHigh) ? kHigh : static_cast<To>(value);
}

/// Float to integer: rounded as the mode says, clamped to the type; NaN is zero (the top bit of 64-bit types).
template <typename To, typename From>
To integer_of(From value) {
    if (value != value) return sizeof(To) == 8 ? static_cast<To>(1ull << 63) : To{0};
    const From rounded = std::nearbyint(value);
    // The largest values are no floats: compare with the power of two above.
    const From above = std::ldexp(From{1}, static_cast<int>(8 * sizeof(To)) - (std::is_signed_v<To> ? 1 : 0));
    if (rounded >= above) return std::numeric_limits<To>::max();
    if (rounded < (std::is_signed_v<To> ? -above : From{0})) return std::numeric_limits<To>::min();
    return static_cast<To>(rounded);
}

template <typename W>
W flush(W value) {
    return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(W{0}, value) : value;
}

std::uint64_t tf32_of(float value, bool nearest_away) {
    auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7F800000u) == 0x7F800000u) return bits;
    if (nearest_away) return (bits + 0x1000u) & 0xFFFFE000u;
    return (bits + 0xFFFu + (bits >> 13 & 1)) & 0xFFFFE000u;
}

Bfloat bfloat_toward_zero(float value) {
    if (value != value) return {0x7FFF};
    return {static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16)};
}

Half half_toward_zero(float value) {
    Half nearest = to_half(value);
    if (value == value && std::fabs(to_float(nearest)) > std::fabs(value)) nearest.bits--;
    return nearest;
}

struct Converter {
    Format to, from;
    std::uint16_t mode;

    std::uint64_t run(std::uint64_t bits) const {
        if (is_integer(from)) return is_integer(to) ? integer_to_integer(bits) : integer_to_float(bits);
        if (from == Format::F64) return from_float(std::bit_cast<double>(bits));
        float value = from == Format::F32   ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                      : from == Format::F16 ? to_float(Half{static_cast<std::uint16_t>(bits)})
                                            : to_float(Bfloat{static_cast<std::uint16_t>(bits)});
        return from_float(value);
    }

private:
    /// Sign- or zero-extended to 64 bits.
    std::int64_t extended(std::uint64_t bits) const {
        const unsigned unused = 64 - bits_of(from);
        const bool is_signed = static_cast<unsigned>(from) % 2 == 0;
        return is_signed ? static_cast<std::int64_t>(bits << unused) >> unused
                         : static_cast<std::int64_t>(bits << unused >> unused);
    }

    /// Cut to the type, then sign- or zero-extended: the register may be wider.
    std::uint64_t extend_result(std::uint64_t bits) const {
        const unsigned unused = 64 - bits_of(to);
        const bool is_signed = static_cast<unsigned>(to) % 2 == 0;
        return is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(bits << unused) >> unused)
                         : bits << unused >> unused;
    }

    std::uint64_t integer_to_integer(std::uint64_t bits) const {
        const std::int64_t value = extended(bits);
        if ((mode & kSaturate) == 0) return extend_result(static_cast<std::uint64_t>(value));
        const bool is_signed = static_cast<unsigned>(from) % 2 == 0;
        auto clamp = [&](auto like) -> std::uint64_t {
            using To = decltype(like);
            return static_cast<std::uint64_t>(is_signed ? clamp_to<To>(value) : clamp_to<To>(static_cast<std::uint64_t>(value)));
        };
        switch (to) {
            case Format::S8:
                return clamp(std::int8_t{});
            case Format::U8:
                return clamp(std::uint8_t{});
            case Format::S16:
                return clamp(std::int16_t{});
            case Format::U16:
                return clamp(std::uint16_t{});
            case Format::S32:
                return clamp(std::int32_t{});
            case Format::U32:
                return clamp(std::uint32_t{});
            case Format::S64:
                return clamp(std::int64_t{});
            default:
                return clamp(std::uint64_t{});
        }
    }

    std::uint64_t integer_to_float(std::uint64_t bits) const {
        const std::int64_t value = extended(bits);
        const bool is_signed = static_cast<unsigned>(from) % 2 == 0;
        if (to == Format::F64) {
            return std::bit_cast<std::uint64_t>(is_signed ? static_cast<double>(value)
                                                          : static_cast<double>(static_cast<std::uint64_t>(value)));
        }
        float made = is_signed ? static_cast<float>(value) : static_cast<float>(static_cast<std::uint64_t>(value));
        if (to == Format::F32) return std::bit_cast<std::uint32_t>(made);
        return to == Format::F16 ? to_half(made).bits : to_bfloat(made).bits;
    }

    template <typename From>
    std::uint64_t from_float(From value) const {
        if ((mode & kFlush) != 0) value = flush(value);
        if ((mode & kIntegral) != 0 && !is_integer(to)) value = std::nearbyint(value);
        if ((mode & kSaturate) != 0 && !is_integer(to))
            value = value != value || value < 0 ? From{0} : value > 1 ? From{1} : value;
        if ((mode & kRelu) != 0) value = value < 0 ? From{0} : value;
        switch (to) {
            case Format::S8:
                return static_cast<std::uint64_t>(std::int64_t{integer_of<std::int8_t>(value)});
            case Format::U8:
                return integer_of<std::uint8_t>(value);
            case Format::S16:
                return static_cast<std::uint64_t>(std::int64_t{integer_of<std::int16_t>(value)});
            case Format::U16:
                return integer_of<std::uint16_t>(value);
            case Format::S32:
                return static_cast<std::uint64_t>(std::int64_t{integer_of<std::int32_t>(value)});
            case Format::U32:
                return integer_of<std::uint32_t>(value);
            case Format::S64:
                return static_cast<std::uint64_t>(integer_of<std::int64_t>(value));
            case Format::U64:
                return integer_of<std::uint64_t>(value);
            case Format::F64:
                return std::bit_cast<std::uint64_t>(static_cast<double>(value));
            default:
                break;
        }
        auto single = static_cast<float>(value);
        if ((mode & kFlush) != 0) single = flush(single);
        const bool down = (mode >> kRoundShift & 3) == 1;
        switch (to) {
            case Format::F16:
                return down ? half_toward_zero(single).bits : to_half(single).bits;
            case Format::Bf16:
                return down ? bfloat_toward_zero(single).bits : to_bfloat(single).bits;
            case Format::Tf32:
                return tf32_of(single, (mode & kIntegral) != 0);
            default:
                return std::bit_cast<std::uint32_t>(single);
        }
    }
};

Converter converter_of(const Instruction& i) {
    return {static_cast<Format>(i.immediate & 0xFF), static_cast<Format>(i.immediate >> 8 & 0xFF), i.mode};
}

/// Any conversion. The upper bits of a wider result register are the sign or zero.
template <typename D, typename A>
void run_any(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const Converter converter = converter_of(i);
    auto* d = warp.out<D>(i.d);
    const auto* a = warp.in<A>(i.a);
    const int round = kRounds[i.mode >> kRoundShift & 3];
    if (round != FE_TONEAREST) std::fesetround(round);
    asm volatile("" ::: "memory");
    for_lanes(lanes, [&](unsigned lane) { d[lane] = static_cast<D>(converter.run(a[lane])); });
    asm volatile("" ::: "memory");
    if (round != FE_TONEAREST) std::fesetround(FE_TONEAREST);
}

/// The conversions of address arithmetic, which are everywhere.
template <typename D, typename A>
void run_extend(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map1<D, A>(warp, i, lanes, [](A a) { return static_cast<D>(a); });
}

void run_bf16(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map1<Bfloat, float>(warp, i, lanes, [](float a) { return to_bfloat(a); });
}

void run_f32_of_bf16(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map1<float, Bfloat>(warp, i, lanes, [](Bfloat a) { return to_float(a); });
}

/// cvt.f16x2.f32 and its sister: a is the upper half.
template <typename T>
void run_pair(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const bool relu = (i.mode & kRelu) != 0, down = (i.mode >> kRoundShift & 3) == 1;
    map2<std::uint32_t, float, float>(warp, i, lanes, [&](float a, float b) -> std::uint32_t {
        if (relu) a = a < 0 ? 0.0f : a, b = b < 0 ? 0.0f : b;
        if constexpr (std::is_same_v<T, Bfloat>) {
            if (down) return std::uint32_t{bfloat_toward_zero(a).bits} << 16 | bfloat_toward_zero(b).bits;
            return std::uint32_t{to_bfloat(a).bits} << 16 | to_bfloat(b).bits;
        } else {
            if (down) return std::uint32_t{half_toward_zero(a).bits} << 16 | half_toward_zero(b).bits;
            return std::uint32_t{to_half(a).bits} << 16 | to_half(b).bits;
        }
    });
}

void translate_pair(Translator& t, const Statement& s, Modifiers& m, bool bfloat, std::uint16_t mode) {
    m.finish();
    if (s.operands.size() != 3 || (mode & ~(kRelu | 3 << kRoundShift)) != 0) m.unknown();
    const Slot a = t.in(s.operands[1], {'f', 32}), b = t.in(s.operands[2], {'f', 32}), d = t.out_bits(s.operands[0], 32);
    Instruction& i = t.add(bfloat ? &run_pair<Bfloat> : &run_pair<Half>);
    i.d = d, i.a = a, i.b = b, i.mode = mode;
}

void translate_cvt(Translator& t, const Statement& s, Modifiers& m) {
    std::string_view from_name = m.take_last(), to_name = m.take_last();
    std::uint16_t mode = 0;
    if (m.take("ftz")) mode |= kFlush;
    if (m.take("sat") || m.take("satfinite")) mode |= kSaturate;
    if (m.take("relu")) mode |= kRelu;
    std::string_view round = m.take_one({"rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi", "rna"});
    if (round.size() == 3) mode |= kIntegral;
    if (round.size() >= 2)
        mode |= static_cast<std::uint16_t>((round[1] == 'z' ? 1 : round[1] == 'm' ? 2 : round[1] == 'p' ? 3 : 0) << kRoundShift);
    if (to_name == "bf16x2" || to_name == "f16x2") {
        if (from_name != "f32" || m.first() == "bf16x2") m.unknown();
        translate_pair(t, s, m, to_name == "bf16x2", mode);
        return;
    }
    m.finish();
    const Format to = parse_format(to_name), from = parse_format(from_name);
    if (to == Format::Unknown || from == Format::Unknown || from == Format::Tf32 || s.operands.size() != 2) m.unknown();
    bool wide_a, wide_d;
    Slot a = t.in_any(s.operands[1], bits_of(from), wide_a);
    const Slot d = t.out_any(s.operands[0], wide_d);
    if ((bits_of(from) == 64) != wide_a && bits_of(from) == 64) t.fail("the register is too narrow");
    if (bits_of(to) == 64 && !wide_d) t.fail("the register is too narrow");
    Handler handler = wide_d ? (wide_a ? &run_any<std::uint64_t, std::uint64_t> : &run_any<std::uint64_t, std::uint32_t>)
                             : (wide_a ? &run_any<std::uint32_t, std::uint64_t> : &run_any<std::uint32_t, std::uint32_t>);
    if (mode == 0 && wide_d && !wide_a && from == Format::S32 && is_integer(to))
        handler = &run_extend<std::int64_t, std::int32_t>;
    if (mode == 0 && wide_d && !wide_a && from == Format::U32 && is_integer(to))
        handler = &run_extend<std::uint64_t, std::uint32_t>;
    if (mode == 0 && !wide_d && wide_a && bits_of(to) == 32 && is_integer(to) && is_integer(from))
        handler = &run_extend<std::uint32_t, std::uint64_t>;
    if (mode == 0 && !wide_d && !wide_a && to == Format::Bf16 && from == Format::F32) handler = &run_bf16;
    if (mode == 0 && !wide_d && !wide_a && to == Format::F32 && from == Format::Bf16) handler = &run_f32_of_bf16;
    Instruction& i = t.add(handler);
    i.d = d, i.a = a, i.mode = mode;
    i.immediate = static_cast<std::uint64_t>(to) | static_cast<std::uint64_t>(from) << 8;
}

}  // namespace

void add_convert(TranslateTable& table) {
    table["cvt"] = &translate_cvt;
}

}  // namespace emu::ptx
