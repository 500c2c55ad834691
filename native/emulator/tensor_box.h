// The box of a tensor map that a bulk tensor copy moves, piece by piece.
#pragma once

#include <algorithm>
#include <cstdint>

#include "emulator/tensor_map.h"

namespace emu {

inline std::uint32_t box_bytes(const TensorMap& map) {
    std::uint32_t bytes = map.element_bytes;
    for (unsigned i = 0; i < map.rank; i++) bytes *= map.box[i];
    return bytes;
}

/// Calls visit(offset in the box before swizzling, global address or 0 when outside the tensor, bytes) for pieces of at most 16
/// bytes that lie in one piece in both memories.
template <typename Visit>
void for_each_piece(const TensorMap& map, const std::int32_t* coordinates, Visit visit) {
    constexpr unsigned kMaxRank = 5;
    constexpr std::uint32_t kPiece = 16;
    const std::uint32_t row_elements = map.box[0], element = map.element_bytes;
    std::uint32_t rows = 1;
    for (unsigned axis = 1; axis < map.rank; axis++) rows *= map.box[axis];
    std::uint32_t position[kMaxRank] = {};
    for (std::uint32_t row = 0; row < rows; row++) {
        std::uint64_t address = map.address;
        bool inside = true;
        for (unsigned axis = 1; axis < map.rank; axis++) {
            const std::int64_t at = std::int64_t{coordinates[axis]} + position[axis] * map.steps[axis];
            inside = inside && at >= 0 && at < map.sizes[axis];
            address += static_cast<std::uint64_t>(at * static_cast<std::int64_t>(map.strides[axis - 1]));
        }
        const std::uint32_t per = map.steps[0] == 1 ? std::max(kPiece / element, 1u) : 1;
        for (std::uint32_t first = 0; first < row_elements;) {
            const std::int64_t at = std::int64_t{coordinates[0]} + std::int64_t{first} * map.steps[0];
            const bool in_row = inside && at >= 0 && at < map.sizes[0];
            // Up to the next multiple of 16 bytes, the end of the row, or the border of the tensor.
            std::uint32_t count = std::min(per - first % per, row_elements - first);
            if (in_row)
                count = static_cast<std::uint32_t>(
                    std::min<std::int64_t>(count, (map.sizes[0] - at + map.steps[0] - 1) / map.steps[0]));
            else if (at < 0)
                count = static_cast<std::uint32_t>(std::min<std::int64_t>(count, (-at + map.steps[0] - 1) / map.steps[0]));
            visit((row * row_elements + first) * element, in_row ? address + static_cast<std::uint64_t>(at * element) : 0,
                  count * element);
            first += count;
        }
        for (unsigned axis = 1; axis < map.rank; axis++) {
            if (++position[axis] < map.box[axis]) break;
            position[axis] = 0;
        }
    }
}

}  // namespace emu
