// Floating-point arithmetic. Multiplications and additions are rounded as they are written: nothing is fused that the text does
// not fuse.
#include <cfenv>
#include <cmath>
#include <limits>

#include "emulator/ptx/integer_ops.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"

namespace emu::ptx {
namespace {

/// Bits of an instruction's mode.
constexpr std::uint16_t kFlush = 1, kSaturate = 2, kRoundShift = 2, kPropagateNan = 16;
constexpr int kRounds[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

struct FAdd {
    template <typename T>
    static T run(T a, T b) {
        return a + b;
    }
};
struct FSub {
    template <typename T>
    static T run(T a, T b) {
        return a - b;
    }
};
struct FMul {
    template <typename T>
    static T run(T a, T b) {
        return a * b;
    }
};
struct FDiv {
    template <typename T>
    static T run(T a, T b) {
        return a / b;
    }
};
/// A NaN loses against a number; -0 is less than +0.
struct FMin {
    template <typename T>
    static T run(T a, T b) {
        if (a != a) return b == b ? b : std::numeric_limits<T>::quiet_NaN();
        if (b != b) return a;
        return a < b || (a == b && std::signbit(a)) ? a : b;
    }
};
struct FMax {
    template <typename T>
    static T run(T a, T b) {
        if (a != a) return b == b ? b : std::numeric_limits<T>::quiet_NaN();
        if (b != b) return a;
        return a > b || (a == b && !std::signbit(a)) ? a : b;
    }
};
struct FFma {
    template <typename T>
    static T run(T a, T b, T c) {
        return std::fma(a, b, c);
    }
};
struct FNeg {
    template <typename T>
    static T run(T a) {
        return -a;
    }
};
struct FAbs {
    template <typename T>
    static T run(T a) {
        return std::fabs(a);
    }
};
struct FSqrt {
    template <typename T>
    static T run(T a) {
        return std::sqrt(a);
    }
};
struct FRcp {
    template <typename T>
    static T run(T a) {
        return T{1} / a;
    }
};
struct FRsqrt {
    template <typename T>
    static T run(T a) {
        return T{1} / std::sqrt(a);
    }
};
struct FEx2 {
    template <typename T>
    static T run(T a) {
        return std::exp2(a);
    }
};
struct FLg2 {
    template <typename T>
    static T run(T a) {
        return std::log2(a);
    }
};
struct FSin {
    template <typename T>
    static T run(T a) {
        return std::sin(a);
    }
};
struct FCos {
    template <typename T>
    static T run(T a) {
        return std::cos(a);
    }
};
struct FTanh {
    template <typename T>
    static T run(T a) {
        return std::tanh(a);
    }
};
/// rcp.approx.ftz.f64 and its sister give the upper half of the result.
struct FRcpHigh {
    template <typename T>
    static T run(T a) {
        return std::bit_cast<double>(std::bit_cast<std::uint64_t>(1.0 / a) & 0xFFFFFFFF00000000ull);
    }
};
struct FRsqrtHigh {
    template <typename T>
    static T run(T a) {
        return std::bit_cast<double>(std::bit_cast<std::uint64_t>(1.0 / std::sqrt(a)) & 0xFFFFFFFF00000000ull);
    }
};
struct FCopysign {
    /// copysign.type d, a, b: magnitude of b, sign of a.
    template <typename T>
    static T run(T a, T b) {
        return std::copysign(b, a);
    }
};

/// The type that a 16-bit format is computed in: wide enough that one rounding is left.
template <typename T>
struct Wider {
    using Type = T;
};
template <>
struct Wider<Half> {
    using Type = float;
};
template <>
struct Wider<Bfloat> {
    using Type = float;
};

template <typename T>
typename Wider<T>::Type widen(T value) {
    if constexpr (std::is_floating_point_v<T>)
        return value;
    else
        return to_float(value);
}
template <typename T>
T narrow(typename Wider<T>::Type value) {
    if constexpr (std::is_same_v<T, Half>)
        return to_half(value);
    else if constexpr (std::is_same_v<T, Bfloat>)
        return to_bfloat(value);
    else
        return value;
}

template <typename W>
W flush(W value) {
    return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(W{0}, value) : value;
}
template <typename W>
W saturate(W value) {
    if (value != value) return 0;
    return value < 0 ? W{0} : value > 1 ? W{1} : value;
}

/// The slow form, for modifiers: flush, saturation and directed rounding by mode.
template <typename T, typename Loop>
void with_mode(const Instruction& i, Loop loop) {
    using W = typename Wider<T>::Type;
    const bool flushes = (i.mode & kFlush) != 0, saturates = (i.mode & kSaturate) != 0;
    auto before = [&](T value) { return flushes ? flush(widen(value)) : widen(value); };
    auto after = [&](W value) {
        if (flushes) value = flush(value);
        return narrow<T>(saturates ? saturate(value) : value);
    };
    const int round = kRounds[i.mode >> kRoundShift & 3];
    if (round != FE_TONEAREST) std::fesetround(round);
    asm volatile("" ::: "memory");  // the loop's loads and stores stay between the two changes of the rounding mode
    loop(before, after);
    asm volatile("" ::: "memory");
    if (round != FE_TONEAREST) std::fesetround(FE_TONEAREST);
}

template <typename Op, typename T, bool kPlain>
void run_one(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    if constexpr (kPlain) {
        map1<T, T>(warp, i, lanes, [](T a) { return narrow<T>(Op::run(widen(a))); });
    } else {
        with_mode<T>(
            i, [&](auto before, auto after) { map1<T, T>(warp, i, lanes, [&](T a) { return after(Op::run(before(a))); }); });
    }
}
template <typename Op, typename T, bool kPlain>
void run_two(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    if constexpr (kPlain) {
        map2<T, T, T>(warp, i, lanes, [](T a, T b) { return narrow<T>(Op::run(widen(a), widen(b))); });
    } else {
        with_mode<T>(i, [&](auto before, auto after) {
            map2<T, T, T>(warp, i, lanes, [&](T a, T b) {
                if ((i.mode & kPropagateNan) != 0 && (widen(a) != widen(a) || widen(b) != widen(b))) {
                    return narrow<T>(std::numeric_limits<typename Wider<T>::Type>::quiet_NaN());
                }
                return after(Op::run(before(a), before(b)));
            });
        });
    }
}
template <typename Op, typename T, bool kPlain>
void run_three(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    if constexpr (kPlain) {
        map3<T, T, T, T>(warp, i, lanes, [](T a, T b, T c) { return narrow<T>(Op::run(widen(a), widen(b), widen(c))); });
    } else {
        with_mode<T>(i, [&](auto before, auto after) {
            map3<T, T, T, T>(warp, i, lanes, [&](T a, T b, T c) { return after(Op::run(before(a), before(b), before(c))); });
        });
    }
}

#if defined(__x86_64__)
/// fma in one instruction a vector, where the processor has it: the same bits as the function of the C library.
template <typename T>
__attribute__((target("avx2,fma"))) void run_fma_fast(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<T>(i.d);
    const auto* a = warp.in<T>(i.a);
    const auto* b = warp.in<T>(i.b);
    const auto* c = warp.in<T>(i.c);
    if (lanes == kAllLanes) {
#pragma GCC ivdep
        for (unsigned lane = 0; lane < kWarpLanes; lane++) d[lane] = __builtin_fma(a[lane], b[lane], c[lane]);
        return;
    }
    for (; lanes != 0; lanes &= lanes - 1) {
        const unsigned lane = static_cast<unsigned>(__builtin_ctz(lanes));
        d[lane] = __builtin_fma(a[lane], b[lane], c[lane]);
    }
}
template <>
__attribute__((target("avx2,fma"))) void run_fma_fast<float>(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<float>(i.d);
    const auto* a = warp.in<float>(i.a);
    const auto* b = warp.in<float>(i.b);
    const auto* c = warp.in<float>(i.c);
    if (lanes == kAllLanes) {
#pragma GCC ivdep
        for (unsigned lane = 0; lane < kWarpLanes; lane++) d[lane] = __builtin_fmaf(a[lane], b[lane], c[lane]);
        return;
    }
    for (; lanes != 0; lanes &= lanes - 1) {
        const unsigned lane = static_cast<unsigned>(__builtin_ctz(lanes));
        d[lane] = __builtin_fmaf(a[lane], b[lane], c[lane]);
    }
}
bool has_fma() {
    static const bool has = __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2");
    return has;
}
#endif

/// Two 16-bit values in one register.
template <typename Op, typename T, int kOperands>
void run_packed(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<std::uint32_t>(i.d);
    const auto* a = warp.in<std::uint32_t>(i.a);
    const auto* b = warp.in<std::uint32_t>(kOperands > 1 ? i.b : i.a);
    const auto* c = warp.in<std::uint32_t>(kOperands > 2 ? i.c : i.a);
    with_mode<T>(i, [&](auto before, auto after) {
        for_lanes(lanes, [&](unsigned lane) {
            std::uint32_t made = 0;
            for (unsigned half = 0; half < 32; half += 16) {
                auto part = [&](const std::uint32_t* from) { return before(from_slot<T>(from[lane] >> half & 0xFFFF)); };
                typename Wider<T>::Type value;
                if constexpr (kOperands == 1)
                    value = Op::run(part(a));
                else if constexpr (kOperands == 2)
                    value = Op::run(part(a), part(b));
                else
                    value = Op::run(part(a), part(b), part(c));
                made |= std::uint32_t{after(value).bits} << half;
            }
            d[lane] = made;
        });
    });
}

struct Choice {
    Handler plain = nullptr, modal = nullptr;
};

enum class Format { F32, F64, F16, Bf16, F16x2, Bf16x2, Unknown };

Format format_of(const Statement& s) {
    std::string_view name = s.opcode->parts.back();
    if (name == "f32") return Format::F32;
    if (name == "f64") return Format::F64;
    if (name == "f16") return Format::F16;
    if (name == "bf16") return Format::Bf16;
    if (name == "f16x2") return Format::F16x2;
    if (name == "bf16x2") return Format::Bf16x2;
    return Format::Unknown;
}

#define EMU_CHOOSE(shape, Op, operands)                                                    \
    switch (format) {                                                                      \
        case Format::F32:                                                                  \
            return {&shape<Op, float, true>, &shape<Op, float, false>};                    \
        case Format::F64:                                                                  \
            return {&shape<Op, double, true>, &shape<Op, double, false>};                  \
        case Format::F16:                                                                  \
            return {&shape<Op, Half, false>, &shape<Op, Half, false>};                     \
        case Format::Bf16:                                                                 \
            return {&shape<Op, Bfloat, false>, &shape<Op, Bfloat, false>};                 \
        case Format::F16x2:                                                                \
            return {&run_packed<Op, Half, operands>, &run_packed<Op, Half, operands>};     \
        case Format::Bf16x2:                                                               \
            return {&run_packed<Op, Bfloat, operands>, &run_packed<Op, Bfloat, operands>}; \
        default:                                                                           \
            return {};                                                                     \
    }

template <typename Op>
Choice choose_one(Format format) {
    EMU_CHOOSE(run_one, Op, 1)
}
template <typename Op>
Choice choose_two(Format format) {
    EMU_CHOOSE(run_two, Op, 2)
}
template <typename Op>
Choice choose_three(Format format) {
    EMU_CHOOSE(run_three, Op, 3)
}
/// Functions that only 32-bit floats have here.
template <typename Op>
Choice choose_f32(Format format) {
    if (format != Format::F32) return {};
    return {&run_one<Op, float, true>, &run_one<Op, float, false>};
}

Choice choose(std::string_view head, Format format, bool approximate, unsigned& operands) {
    operands = 2;
    if (head == "add") return choose_two<FAdd>(format);
    if (head == "sub") return choose_two<FSub>(format);
    if (head == "mul") return choose_two<FMul>(format);
    if (head == "div") return choose_two<FDiv>(format);
    if (head == "min") return choose_two<FMin>(format);
    if (head == "max") return choose_two<FMax>(format);
    if (head == "copysign") return choose_two<FCopysign>(format);
    operands = 3;
    if (head == "fma" || head == "mad") return choose_three<FFma>(format);
    operands = 1;
    if (head == "neg") return choose_one<FNeg>(format);
    if (head == "abs") return choose_one<FAbs>(format);
    if (head == "sqrt") return choose_one<FSqrt>(format);
    if (head == "rcp") {
        if (format == Format::F64 && approximate) return {&run_one<FRcpHigh, double, false>, &run_one<FRcpHigh, double, false>};
        return choose_one<FRcp>(format);
    }
    if (head == "rsqrt") {
        if (format == Format::F64) return {&run_one<FRsqrtHigh, double, false>, &run_one<FRsqrtHigh, double, false>};
        return choose_f32<FRsqrt>(format);
    }
    if (head == "ex2") return choose_one<FEx2>(format);
    if (head == "lg2") return choose_f32<FLg2>(format);
    if (head == "sin") return choose_f32<FSin>(format);
    if (head == "cos") return choose_f32<FCos>(format);
    if (head == "tanh") return choose_one<FTanh>(format);
    return {};
}

void translate_function(Translator& t, const Statement& s, Modifiers& m) {
    Type type = m.take_type();
    if (!type.is_float()) m.unknown();
    translate_floating(t, s, m, type);
}

}  // namespace

float to_float(Half value) {
    const std::uint32_t sign = std::uint32_t{value.bits & 0x8000u} << 16, exponent = value.bits >> 10 & 0x1F,
                        fraction = value.bits & 0x3FF;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | fraction << 13);
    if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
    const float tiny = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -tiny : tiny;
}

Half to_half(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
    const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) return {0x7FFF};
    if (magnitude >= 0x477FF000u) return {static_cast<std::uint16_t>(sign | 0x7C00)};
    if (magnitude < 0x38800000u) {
        // Below the smallest normal number: in units of 2^-24, rounded to even.
        const float units = std::bit_cast<float>(magnitude) * 0x1p24f;
        return {static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(units)))};
    }
    const std::uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1) - (112u << 23);
    return {static_cast<std::uint16_t>(sign | rounded >> 13)};
}

void translate_floating(Translator& t, const Statement& s, Modifiers& m, Type type) {
    std::string_view head = s.opcode->parts[0];
    std::uint16_t mode = 0;
    if (m.take("ftz")) mode |= kFlush;
    if (m.take("sat")) mode |= kSaturate;
    if (m.take("NaN")) mode |= kPropagateNan;
    const bool approximate = !m.take_one({"approx", "full"}).empty();
    std::string_view round = m.take_one({"rn", "rz", "rm", "rp"}, "rn");
    if (round == "rz") mode |= 1 << kRoundShift;
    if (round == "rm") mode |= 2 << kRoundShift;
    if (round == "rp") mode |= 3 << kRoundShift;
    m.finish();
    unsigned operands;
    const Format format = format_of(s);
    Choice choice = choose(head, format, approximate, operands);
    if (choice.plain == nullptr) m.unknown();
    if (s.operands.size() != operands + 1) t.fail("another number of operands");
    Handler handler = mode == 0 ? choice.plain : choice.modal;
#if defined(__x86_64__)
    if (mode == 0 && head == "fma" && has_fma()) {
        if (format == Format::F32) handler = &run_fma_fast<float>;
        if (format == Format::F64) handler = &run_fma_fast<double>;
    }
#endif
    const Slot a = t.in(s.operands[1], type), b = operands > 1 ? t.in(s.operands[2], type) : 0;
    const Slot c = operands > 2 ? t.in(s.operands[3], type) : 0;
    const Slot d = t.out(s.operands[0], type);
    Instruction& i = t.add(handler);
    i.d = d, i.a = a, i.b = b, i.c = c, i.mode = mode;
}

void add_floating(TranslateTable& table) {
    for (const char* head : {"fma", "sqrt", "rcp", "rsqrt", "ex2", "lg2", "sin", "cos", "tanh", "copysign"}) {
        table[head] = &translate_function;
    }
}

}  // namespace emu::ptx
