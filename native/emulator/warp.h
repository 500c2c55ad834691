// Shuffles, votes and warp barriers, as the CUDA programming guide defines them for the _sync forms.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "emulator/defect.h"

namespace emu {

enum class ShuffleKind : std::uint8_t { Index, Up, Down, Xor };

struct Ballot {
    std::uint32_t votes, lanes;
};

void block_barrier(Where where);
void warp_barrier(std::uint32_t mask, Where where);
Ballot ballot(const char* name, std::uint32_t mask, bool predicate, Where where);
/// Exchanges 8 bytes; `amount` is a lane, a distance or a mask of lane bits.
std::uint64_t shuffle_bits(ShuffleKind kind, std::uint32_t mask, std::uint64_t value, int amount, int width, Where where);

template <typename T>
T shuffle(ShuffleKind kind, std::uint32_t mask, T value, int amount, int width, Where where) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8, "shuffles move at most 8 bytes");
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = shuffle_bits(kind, mask, bits, amount, width, where);
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

}  // namespace emu
