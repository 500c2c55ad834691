// Values of types in registers, and loops over the lanes of an instruction.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "emulator/ptx/warp.h"

namespace emu::ptx {

/// 16-bit floating-point formats, as bits.
struct Half {
    std::uint16_t bits = 0;
};
struct Bfloat {
    std::uint16_t bits = 0;
};

float to_float(Half value);
Half to_half(float value);
inline float to_float(Bfloat value) {
    return std::bit_cast<float>(std::uint32_t{value.bits} << 16);
}
inline Bfloat to_bfloat(float value) {
    auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return {0x7FFF};
    return {static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};
}

/// Registers of up to 32 bits take 32 bits a lane, zero-extended; those of 64 bits take 64.
template <typename T>
inline T from_slot(SlotValue<T> bits) {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Bfloat>)
        return T{static_cast<std::uint16_t>(bits)};
    else if constexpr (std::is_floating_point_v<T>)
        return std::bit_cast<T>(bits);
    else
        return static_cast<T>(bits);
}
template <typename T>
inline SlotValue<T> to_slot(T value) {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Bfloat>)
        return value.bits;
    else if constexpr (std::is_floating_point_v<T>)
        return std::bit_cast<SlotValue<T>>(value);
    else
        return static_cast<std::make_unsigned_t<T>>(value);
}

template <typename D, typename A, typename Op>
inline void map1(Warp& warp, const Instruction& i, std::uint32_t lanes, Op op) {
    auto* d = warp.out<SlotValue<D>>(i.d);
    const auto* a = warp.in<SlotValue<A>>(i.a);
    if (lanes == kAllLanes) {
#pragma GCC ivdep
        for (unsigned lane = 0; lane < kWarpLanes; lane++) d[lane] = to_slot<D>(op(from_slot<A>(a[lane])));
        return;
    }
    for_lanes(lanes, [&](unsigned lane) { d[lane] = to_slot<D>(op(from_slot<A>(a[lane]))); });
}

template <typename D, typename A, typename B, typename Op>
inline void map2(Warp& warp, const Instruction& i, std::uint32_t lanes, Op op) {
    auto* d = warp.out<SlotValue<D>>(i.d);
    const auto* a = warp.in<SlotValue<A>>(i.a);
    const auto* b = warp.in<SlotValue<B>>(i.b);
    if (lanes == kAllLanes) {
#pragma GCC ivdep
        for (unsigned lane = 0; lane < kWarpLanes; lane++) d[lane] = to_slot<D>(op(from_slot<A>(a[lane]), from_slot<B>(b[lane])));
        return;
    }
    for_lanes(lanes, [&](unsigned lane) { d[lane] = to_slot<D>(op(from_slot<A>(a[lane]), from_slot<B>(b[lane]))); });
}

template <typename D, typename A, typename B, typename C, typename Op>
inline void map3(Warp& warp, const Instruction& i, std::uint32_t lanes, Op op) {
    auto* d = warp.out<SlotValue<D>>(i.d);
    const auto* a = warp.in<SlotValue<A>>(i.a);
    const auto* b = warp.in<SlotValue<B>>(i.b);
    const auto* c = warp.in<SlotValue<C>>(i.c);
    if (lanes == kAllLanes) {
#pragma GCC ivdep
        for (unsigned lane = 0; lane < kWarpLanes; lane++) {
            d[lane] = to_slot<D>(op(from_slot<A>(a[lane]), from_slot<B>(b[lane]), from_slot<C>(c[lane])));
        }
        return;
    }
    for_lanes(lanes, [&](unsigned lane) {
        d[lane] = to_slot<D>(op(from_slot<A>(a[lane]), from_slot<B>(b[lane]), from_slot<C>(c[lane])));
    });
}

/// Handlers of operations that have one type throughout. Op::run is the operation.
template <typename Op, typename T>
void unary(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map1<T, T>(warp, i, lanes, [](T a) { return Op::run(a); });
}
template <typename Op, typename T>
void binary(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map2<T, T, T>(warp, i, lanes, [](T a, T b) { return Op::run(a, b); });
}
template <typename Op, typename T>
void ternary(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map3<T, T, T, T>(warp, i, lanes, [](T a, T b, T c) { return Op::run(a, b, c); });
}

}  // namespace emu::ptx
