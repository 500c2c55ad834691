// Integer operations as the PTX ISA defines them, lane by lane.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "emulator/ptx/syntax.h"

namespace emu::ptx {

class Translator;
class Modifiers;
/// The floating-point forms of instructions that integers have too.
void translate_floating(Translator& translator, const Statement& statement, Modifiers& modifiers, Type type);

template <typename T>
struct Twice;
template <>
struct Twice<std::int16_t> {
    using Type = std::int32_t;
};
template <>
struct Twice<std::uint16_t> {
    using Type = std::uint32_t;
};
template <>
struct Twice<std::int32_t> {
    using Type = std::int64_t;
};
template <>
struct Twice<std::uint32_t> {
    using Type = std::uint64_t;
};
template <>
struct Twice<std::int64_t> {
    using Type = __int128;
};
template <>
struct Twice<std::uint64_t> {
    using Type = unsigned __int128;
};

/// Arithmetic wraps, also of signed types.
template <typename T>
using Bits = std::conditional_t<sizeof(T) < 4, std::uint32_t, std::make_unsigned_t<T>>;

template <typename T>
T add_wrapped(T a, T b) {
    return static_cast<T>(static_cast<Bits<T>>(a) + static_cast<Bits<T>>(b));
}
template <typename T>
T mul_wrapped(T a, T b) {
    return static_cast<T>(static_cast<Bits<T>>(a) * static_cast<Bits<T>>(b));
}
template <typename T>
typename Twice<T>::Type mul_wide(T a, T b) {
    using Wide = typename Twice<T>::Type;
    return static_cast<Wide>(a) * static_cast<Wide>(b);
}
template <typename T>
T mul_hi(T a, T b) {
    return static_cast<T>(mul_wide(a, b) >> (8 * sizeof(T)));
}

struct Add {
    template <typename T>
    static T run(T a, T b) {
        return add_wrapped(a, b);
    }
};
struct Sub {
    template <typename T>
    static T run(T a, T b) {
        return static_cast<T>(static_cast<Bits<T>>(a) - static_cast<Bits<T>>(b));
    }
};
struct MulLo {
    template <typename T>
    static T run(T a, T b) {
        return mul_wrapped(a, b);
    }
};
struct MulHi {
    template <typename T>
    static T run(T a, T b) {
        return mul_hi(a, b);
    }
};
struct MadLo {
    template <typename T>
    static T run(T a, T b, T c) {
        return add_wrapped(mul_wrapped(a, b), c);
    }
};
struct MadHi {
    template <typename T>
    static T run(T a, T b, T c) {
        return add_wrapped(mul_hi(a, b), c);
    }
};
/// Division by zero has no defined result; all ones is what GPUs give.
struct Div {
    template <typename T>
    static T run(T a, T b) {
        if (b == 0) return static_cast<T>(-1);
        if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(0 - static_cast<Bits<T>>(a));
        return static_cast<T>(a / b);
    }
};
struct Rem {
    template <typename T>
    static T run(T a, T b) {
        if (b == 0) return a;
        if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
        return static_cast<T>(a % b);
    }
};
struct Min {
    template <typename T>
    static T run(T a, T b) {
        return std::min(a, b);
    }
};
struct Max {
    template <typename T>
    static T run(T a, T b) {
        return std::max(a, b);
    }
};
struct Neg {
    template <typename T>
    static T run(T a) {
        return static_cast<T>(0 - static_cast<Bits<T>>(a));
    }
};
struct Abs {
    template <typename T>
    static T run(T a) {
        if constexpr (std::is_signed_v<T>)
            return a < 0 ? Neg::run(a) : a;
        else
            return a;
    }
};
struct And {
    template <typename T>
    static T run(T a, T b) {
        return static_cast<T>(a & b);
    }
};
struct Or {
    template <typename T>
    static T run(T a, T b) {
        return static_cast<T>(a | b);
    }
};
struct Xor {
    template <typename T>
    static T run(T a, T b) {
        return static_cast<T>(a ^ b);
    }
};
struct Not {
    template <typename T>
    static T run(T a) {
        return static_cast<T>(~a);
    }
};
struct CNot {
    template <typename T>
    static T run(T a) {
        return a == 0 ? T{1} : T{0};
    }
};
/// Shifts by more than the width give zero, or the sign.
struct ShiftLeft {
    template <typename T>
    static T run(T a, std::uint32_t by) {
        return by >= 8 * sizeof(T) ? T{0} : static_cast<T>(static_cast<Bits<T>>(a) << by);
    }
};
struct ShiftRight {
    template <typename T>
    static T run(T a, std::uint32_t by) {
        constexpr std::uint32_t kWidth = 8 * sizeof(T);
        if (by >= kWidth) return std::is_signed_v<T> && a < 0 ? static_cast<T>(-1) : T{0};
        return static_cast<T>(a >> by);
    }
};
struct Popc {
    template <typename T>
    static std::uint32_t run(T a) {
        return static_cast<std::uint32_t>(std::popcount(static_cast<std::make_unsigned_t<T>>(a)));
    }
};
struct Clz {
    template <typename T>
    static std::uint32_t run(T a) {
        return static_cast<std::uint32_t>(std::countl_zero(static_cast<std::make_unsigned_t<T>>(a)));
    }
};
/// Position of the highest bit that is not a sign bit, or all ones.
struct Find {
    template <typename T>
    static std::uint32_t run(T a) {
        auto bits = static_cast<std::make_unsigned_t<T>>(std::is_signed_v<T> && a < 0 ? ~a : a);
        return bits == 0 ? ~0u
                         : static_cast<std::uint32_t>(8 * sizeof(T) - 1) - static_cast<std::uint32_t>(std::countl_zero(bits));
    }
};
struct FindShift {
    template <typename T>
    static std::uint32_t run(T a) {
        const std::uint32_t at = Find::run(a);
        return at == ~0u ? at : static_cast<std::uint32_t>(8 * sizeof(T) - 1) - at;
    }
};
struct Reverse {
    template <typename T>
    static T run(T a) {
        std::make_unsigned_t<T> bits = static_cast<std::make_unsigned_t<T>>(a), turned = 0;
        for (unsigned i = 0; i < 8 * sizeof(T); i++) turned = static_cast<std::make_unsigned_t<T>>(turned << 1 | (bits >> i & 1));
        return static_cast<T>(turned);
    }
};
/// Fields count position and length modulo 256; what lies beyond the value is its sign (signed) or zero.
struct ExtractField {
    template <typename T>
    static T run(T a, std::uint32_t at, std::uint32_t length) {
        constexpr std::uint32_t kTop = 8 * sizeof(T) - 1;
        at &= 0xFF;
        length &= 0xFF;
        if (length == 0) return 0;
        using U = std::make_unsigned_t<T>;
        const U bits = static_cast<U>(a);
        const bool sign = std::is_signed_v<T> && (bits >> std::min(at + length - 1, kTop) & 1) != 0;
        U field = sign ? static_cast<U>(~U{0}) : U{0};
        for (std::uint32_t i = 0; i < length && i <= kTop && at + i <= kTop; i++) {
            field = static_cast<U>((field & ~(U{1} << i)) | (bits >> (at + i) & 1) << i);
        }
        return static_cast<T>(field);
    }
};
template <typename T>
T insert_field(T a, T b, std::uint32_t at, std::uint32_t length) {
    at &= 0xFF;
    length &= 0xFF;
    for (std::uint32_t i = 0; i < length && at + i < 8 * sizeof(T); i++) {
        b = static_cast<T>((b & ~(T{1} << (at + i))) | (a >> i & 1) << (at + i));
    }
    return b;
}
/// Default mode of prmt: each nibble of the selector names a byte of b:a, its top bit asks for the sign in its place.
inline std::uint32_t permute_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
    const std::uint64_t both = std::uint64_t{b} << 32 | a;
    std::uint32_t made = 0;
    for (unsigned i = 0; i < 4; i++) {
        const std::uint32_t nibble = selector >> (4 * i) & 0xF;
        auto byte = static_cast<std::uint32_t>(both >> (8 * (nibble & 7)) & 0xFF);
        if ((nibble & 8) != 0) byte = (byte & 0x80) != 0 ? 0xFF : 0;
        made |= byte << (8 * i);
    }
    return made;
}

}  // namespace emu::ptx
