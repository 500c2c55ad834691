// Encoding of tensor maps: the checks of the driver API, and the emulator's own contents of the 128 opaque bytes.
#include <cstring>

#include "emulator/driver/state.h"
#include "emulator/tensor_map.h"

namespace {

constexpr unsigned kElementBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};  // by CUtensorMapDataType
constexpr int kTypes = sizeof kElementBytes / sizeof kElementBytes[0];
constexpr unsigned kMaxRank = 5, kMaxBox = 256, kMaxStep = 8;
constexpr std::uint64_t kMaxStride = 1ull << 40, kMaxSize = 1ull << 32;
constexpr int kSwizzles = 4;

}  // namespace

EMU_API CUresult cuTensorMapEncodeTiled(void* map, int type, unsigned rank, unsigned long long address,
                                        const std::uint64_t* sizes, const std::uint64_t* strides, const std::uint32_t* box,
                                        const std::uint32_t* steps, int interleave, int swizzle, int, int fill) {
    if (map == nullptr || reinterpret_cast<std::uintptr_t>(map) % 64 != 0) return CUDA_ERROR_INVALID_VALUE;
    if (type < 0 || type >= kTypes || rank < 1 || rank > kMaxRank || address == 0 || address % 16 != 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (sizes == nullptr || box == nullptr || steps == nullptr || (rank > 1 && strides == nullptr))
        return CUDA_ERROR_INVALID_VALUE;
    if (swizzle < 0 || swizzle >= kSwizzles) return CUDA_ERROR_INVALID_VALUE;
    if (interleave != 0) return CUDA_ERROR_NOT_SUPPORTED;

    emu::TensorMap encoded{};
    encoded.magic = emu::TensorMap::kMagic;
    encoded.rank = static_cast<std::uint8_t>(rank);
    encoded.element_bytes = static_cast<std::uint8_t>(kElementBytes[type]);
    encoded.swizzle = static_cast<std::uint8_t>(swizzle);
    encoded.fill_nan = fill != 0 ? 1 : 0;
    encoded.address = address;
    for (unsigned axis = 0; axis < rank; axis++) {
        if (sizes[axis] == 0 || sizes[axis] >= kMaxSize) return CUDA_ERROR_INVALID_VALUE;
        if (box[axis] == 0 || box[axis] > kMaxBox || steps[axis] == 0 || steps[axis] > kMaxStep) return CUDA_ERROR_INVALID_VALUE;
        encoded.sizes[axis] = static_cast<std::uint32_t>(sizes[axis]);
        encoded.box[axis] = static_cast<std::uint16_t>(box[axis]);
        encoded.steps[axis] = static_cast<std::uint16_t>(steps[axis]);
        if (axis + 1 == rank) break;
        // An axis of one element needs no stride: public kernels give 0, and the driver takes it.
        if ((strides[axis] == 0 && sizes[axis + 1] != 1) || strides[axis] % 16 != 0 || strides[axis] >= kMaxStride)
            return CUDA_ERROR_INVALID_VALUE;
        encoded.strides[axis] = strides[axis];
    }
    const unsigned inner_bytes = box[0] * encoded.element_bytes;
    if (inner_bytes % 16 != 0 || (swizzle != 0 && inner_bytes > 16u << swizzle)) return CUDA_ERROR_INVALID_VALUE;
    std::memcpy(map, &encoded, sizeof encoded);
    return CUDA_SUCCESS;
}
