// What the bulk copies and the instructions about tensor maps share.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/ptx/translator.h"
#include "emulator/ptx/warp.h"

namespace emu::ptx {

constexpr std::uint32_t kMapBytes = 128;

/// The translation of cp.async.bulk, which shares its first words with cp.async.
void translate_bulk(Translator& translator, const Statement& statement, Modifiers& modifiers);

inline std::uint32_t lane_value(const Warp& warp, Slot slot, unsigned lane) {
    return warp.in<std::uint32_t>(slot)[lane];
}

/// An address that an instruction's list holds as base, offset and width; without its window.
inline std::uint64_t lane_address(const Warp& warp, Slot base, Slot offset, Slot wide, unsigned lane) {
    const std::uint64_t value = wide != 0 ? warp.in<std::uint64_t>(base)[lane] : warp.in<std::uint32_t>(base)[lane];
    return (value + offset) % kWindowBytes;
}

/// Puts an address into such a list.
inline void push_address(Translator& t, std::vector<Slot>& slots, const Operand& operand) {
    const Address address = t.address(operand);
    slots.push_back(address.base);
    slots.push_back(static_cast<Slot>(address.offset) & ~kVirtualMask);
    slots.push_back(address.wide ? 1 : 0);
}

}  // namespace emu::ptx
