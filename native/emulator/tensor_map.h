// What the emulator keeps in the 128 opaque bytes of a tensor map.
#pragma once

#include <cstdint>

namespace emu {

/// Filled by cuTensorMapEncodeTiled, read by bulk tensor copies. Dimensions are innermost first, strides in bytes.
struct alignas(64) TensorMap {
    static constexpr std::uint32_t kMagic = 0x70616D74;

    std::uint32_t magic;
    std::uint8_t rank, element_bytes, swizzle, fill_nan;
    std::uint64_t address;
    std::uint64_t strides[4];
    std::uint32_t sizes[5];
    std::uint16_t box[5];
    std::uint16_t steps[5];
};
static_assert(sizeof(TensorMap) == 128);

/// Swizzle modes, numbered as CUtensorMapSwizzle: none, 32, 64 and 128 bytes.
/// Offset of a byte after swizzling: bits 4 to 6 are xored with bits 7 to 9 (as many of them as the mode uses).
inline std::uint32_t swizzle_offset(std::uint32_t offset, unsigned mode) {
    std::uint32_t mask = mode == 0 ? 0 : (1u << mode) - 1;
    return offset ^ ((offset >> 7 & mask) << 4);
}

}  // namespace emu
