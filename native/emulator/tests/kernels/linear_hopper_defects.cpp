// linear_hopper.cu itself with a defect planted in each copy: the calls of one wrapper are bent, nothing else is changed. Sound
// tests of the kernel must fail on every one of them.
#include "common/bulk_copy.cuh"
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/swiglu.cuh"
#include "common/tile_order.cuh"
#include "common/warpgroup.cuh"
#include "common/wgmma.cuh"

namespace {

template <int kOutstanding>
void wait_for_the_last_only(emu::Where where = emu::Where::here()) {
    if (kOutstanding == 0) wgmma_wait<kOutstanding>(where);
}

}  // namespace

// The copies have no layouts to publish, and are registered under names of their own below.
#undef RM_KERNEL
#undef RM_LAYOUT
#define RM_KERNEL(...)
#define RM_LAYOUT(...)

// Every round of the ring waits for the phases of the first.
namespace parity_kept {
#define linear_forward_bf16_wgmma planted_hopper_parity_kept
#define linear_forward_bf16_wgmma_swiglu planted_hopper_parity_kept_swiglu
#define linear_backward_bf16_wgmma planted_hopper_parity_kept_backward
#define mbarrier_wait(object, parity) mbarrier_wait(object, (parity)*0)
#undef RM_HOPPER_TILE
#undef RM_HOPPER_RING
#include "linear_hopper.cu"
#undef mbarrier_wait
#undef linear_forward_bf16_wgmma
#undef linear_forward_bf16_wgmma_swiglu
#undef linear_backward_bf16_wgmma
}  // namespace parity_kept

// The products take their operands for swizzled in 64 bytes.
namespace other_swizzle {
#define linear_forward_bf16_wgmma planted_hopper_other_swizzle
#define linear_forward_bf16_wgmma_swiglu planted_hopper_other_swizzle_swiglu
#define linear_backward_bf16_wgmma planted_hopper_other_swizzle_backward
#define operand_descriptor(start, leading, stride, swizzle) operand_descriptor(start, leading, stride, OperandSwizzle::k64)
#undef RM_HOPPER_TILE
#undef RM_HOPPER_RING
#include "linear_hopper.cu"
#undef operand_descriptor
#undef linear_forward_bf16_wgmma
#undef linear_forward_bf16_wgmma_swiglu
#undef linear_backward_bf16_wgmma
}  // namespace other_swizzle

// Stages are given back while products still read them.
namespace early_release {
#define linear_forward_bf16_wgmma planted_hopper_early_release
#define linear_forward_bf16_wgmma_swiglu planted_hopper_early_release_swiglu
#define linear_backward_bf16_wgmma planted_hopper_early_release_backward
#define wgmma_wait wait_for_the_last_only
#undef RM_HOPPER_TILE
#undef RM_HOPPER_RING
#include "linear_hopper.cu"
#undef wgmma_wait
#undef linear_forward_bf16_wgmma
#undef linear_forward_bf16_wgmma_swiglu
#undef linear_backward_bf16_wgmma
}  // namespace early_release

// No fence between what read and wrote the accumulators before and the products that take them over.
namespace no_fence {
#define linear_forward_bf16_wgmma planted_hopper_no_fence
#define linear_forward_bf16_wgmma_swiglu planted_hopper_no_fence_swiglu
#define linear_backward_bf16_wgmma planted_hopper_no_fence_backward
#define wgmma_fence() static_cast<void>(0)
#undef RM_HOPPER_TILE
#undef RM_HOPPER_RING
#include "linear_hopper.cu"
#undef wgmma_fence
#undef linear_forward_bf16_wgmma
#undef linear_forward_bf16_wgmma_swiglu
#undef linear_backward_bf16_wgmma
}  // namespace no_fence

#define REGISTER(space, name)                                                                        \
    static const ::emu::KernelRegistration registration_##space(#name, &::emu::invoke<&space::name>, \
                                                                ::emu::parameters_of(&space::name), 384)
REGISTER(parity_kept, planted_hopper_parity_kept);
REGISTER(other_swizzle, planted_hopper_other_swizzle);
REGISTER(early_release, planted_hopper_early_release);
REGISTER(no_fence, planted_hopper_no_fence);
