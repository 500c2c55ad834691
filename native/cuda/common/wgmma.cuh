// wgmma (sm_90a): products of a warpgroup, four warps, whose operands lie in shared memory; they run behind the program.
//
// Order: wgmma_fence, then any number of multiply_warpgroup, wgmma_commit, and the accumulators are the program's again after a
// wgmma_wait that covers the group. Operands that threads wrote need fence_async_shared and a barrier first.
// Accumulator element i of thread 32 w + l: row 16 w + l / 4 + 8 (i / 2 % 2), column 8 (i / 4) + 2 (l % 4) + i % 2.
#pragma once

#include "common/bfloat16.cuh"
#include "common/fragment.cuh"
#include "common/memory.cuh"

/// Swizzles of an operand in shared memory, numbered as the descriptor's field does.
enum class OperandSwizzle : uint32 { kNone = 0, k128 = 1, k64 = 2, k32 = 3 };

/// Which axis of an operand is contiguous in shared memory.
enum class OperandMajor : int32 { kDepth = 0, kRows = 1 };

#ifdef RM_EMULATOR

/// Descriptor of an operand at `start`. Strides in bytes between cells of 8 rows: `leading` and `stride` as the PTX ISA's tables
/// of canonical layouts define them for the swizzle and the major axis.
inline uint64 operand_descriptor(SharedPtr<bfloat16> start, uint32 leading, uint32 stride, OperandSwizzle swizzle,
                                 ::emu::Where where = ::emu::Where::here()) {
    const uint64 address = ::emu::current_block->shared->offset_of(start.raw(), where);
    return (address >> 4 & 0x3FFF) | static_cast<uint64>(leading >> 4 & 0x3FFF) << 16 |
           static_cast<uint64>(stride >> 4 & 0x3FFF) << 32 | static_cast<uint64>(swizzle) << 62;
}

inline void wgmma_fence(::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->wgmma->fence(where);
}

inline void wgmma_commit() {
    ::emu::current_block->wgmma->commit();
}

template <int kOutstanding>
inline void wgmma_wait(::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->wgmma->wait(kOutstanding, where);
}

/// Keeps the compiler from moving uses of the accumulators across this place: they are plain registers to it, and nothing in the
/// program says that they are the product's until the wait.
template <int kCount>
inline void wgmma_pin(Fragment<float, kCount>&) {}

/// d = a b + (accumulate ? d : 0): 64 x kColumns += 64 x 16 16 x kColumns, kColumns 64, 128 or 256.
template <int kColumns, OperandMajor kMajorA = OperandMajor::kDepth, OperandMajor kMajorB = OperandMajor::kDepth>
inline void multiply_warpgroup(Fragment<float, kColumns / 2>& d, uint64 a, uint64 b, bool accumulate,
                               ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->wgmma->issue(kColumns, d.data(), d.state(), a, nullptr, b, accumulate, kMajorA == OperandMajor::kRows,
                                       kMajorB == OperandMajor::kRows, where);
}

/// The same with A in registers, as the fragments of m16n8k16.
template <int kColumns, OperandMajor kMajorB = OperandMajor::kDepth>
inline void multiply_warpgroup(Fragment<float, kColumns / 2>& d, const Fragment<uint32, 4>& a, uint64 b, bool accumulate,
                               ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->wgmma->issue(kColumns, d.data(), d.state(), 0, a.data(), b, accumulate, false,
                                       kMajorB == OperandMajor::kRows, where);
}

#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)

RM_DEVICE uint64 operand_descriptor(SharedPtr<bfloat16> start, uint32 leading, uint32 stride, OperandSwizzle swizzle) {
    const uint64 address = shared_address(start);
    return (address >> 4 & 0x3FFF) | static_cast<uint64>(leading >> 4 & 0x3FFF) << 16 |
           static_cast<uint64>(stride >> 4 & 0x3FFF) << 32 | static_cast<uint64>(swizzle) << 62;
}

RM_DEVICE void wgmma_fence() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

RM_DEVICE void wgmma_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

template <int kOutstanding>
RM_DEVICE void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kOutstanding) : "memory");
}

template <int kCount>
RM_DEVICE void wgmma_pin(Fragment<float, kCount>& d) {
#pragma unroll
    for (int i = 0; i < kCount; i++) asm volatile("" : "+f"(d[i])::"memory");
}

// The accumulators are asm operands 0 to N/2 - 1; these lists spell them, sixteen at a time.
#define RM_D16(d, i)                                                                                                            \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7]), \
        "+f"(d[i + 8]), "+f"(d[i + 9]), "+f"(d[i + 10]), "+f"(d[i + 11]), "+f"(d[i + 12]), "+f"(d[i + 13]), "+f"(d[i + 14]),    \
        "+f"(d[i + 15])
#define RM_D32(d, i) RM_D16(d, i), RM_D16(d, i + 16)
#define RM_D64(d, i) RM_D32(d, i), RM_D32(d, i + 32)
#define RM_D128(d, i) RM_D64(d, i), RM_D64(d, i + 64)
#define RM_L0_31                                                                                                               \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, " \
    "%26, %27, %28, %29, %30, %31"
#define RM_L32_63                                                                                                              \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, " \
    "%56, %57, %58, %59, %60, %61, %62, %63"
#define RM_L64_95                                                                                                              \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, " \
    "%88, %89, %90, %91, %92, %93, %94, %95"
#define RM_L96_127                                                                                                         \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, " \
    "%116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

// A from shared memory: the operands after the accumulators are a, b, accumulate, and the two major axes.
#define RM_WGMMA_SHARED(columns, list, outputs, a_, b_, p_, ta_, tb_)                                         \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #p_                                                     \
                 ", 0;\n"                                                                                     \
                 "wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32.bf16.bf16 {" list "}, %" #a_ ", %" #b_ \
                 ", p, 1, 1, %" #ta_ ", %" #tb_ ";\n}\n"                                                      \
                 : outputs                                                                                    \
                 : "l"(a), "l"(b), "r"(static_cast<int32>(accumulate)), "n"(static_cast<int32>(kMajorA)),     \
                   "n"(static_cast<int32>(kMajorB)))
#define RM_WGMMA_REGISTERS(columns, list, outputs, a0_, a1_, a2_, a3_, b_, p_, tb_)                                         \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #p_                                                                   \
                 ", 0;\n"                                                                                                   \
                 "wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32.bf16.bf16 {" list "}, {%" #a0_ ", %" #a1_ ", %" #a2_ \
                 ", %" #a3_ "}, %" #b_ ", p, 1, 1, %" #tb_ ";\n}\n"                                                         \
                 : outputs                                                                                                  \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int32>(accumulate)),                 \
                   "n"(static_cast<int32>(kMajorB)))

template <int kColumns, OperandMajor kMajorA = OperandMajor::kDepth, OperandMajor kMajorB = OperandMajor::kDepth>
RM_DEVICE void multiply_warpgroup(Fragment<float, kColumns / 2>& d, uint64 a, uint64 b, bool accumulate) {
    static_assert(kColumns == 64 || kColumns == 128 || kColumns == 256, "64, 128 or 256 columns");
    if constexpr (kColumns == 64) {
        RM_WGMMA_SHARED(64, RM_L0_31, RM_D32(d, 0), 32, 33, 34, 35, 36);
    } else if constexpr (kColumns == 128) {
        RM_WGMMA_SHARED(128, RM_L0_31 ", " RM_L32_63, RM_D64(d, 0), 64, 65, 66, 67, 68);
    } else {
        RM_WGMMA_SHARED(256, RM_L0_31 ", " RM_L32_63 ", " RM_L64_95 ", " RM_L96_127, RM_D128(d, 0), 128, 129, 130, 131, 132);
    }
}

template <int kColumns, OperandMajor kMajorB = OperandMajor::kDepth>
RM_DEVICE void multiply_warpgroup(Fragment<float, kColumns / 2>& d, const Fragment<uint32, 4>& a, uint64 b, bool accumulate) {
    static_assert(kColumns == 64 || kColumns == 128 || kColumns == 256, "64, 128 or 256 columns");
    if constexpr (kColumns == 64) {
        RM_WGMMA_REGISTERS(64, RM_L0_31, RM_D32(d, 0), 32, 33, 34, 35, 36, 37, 38);
    } else if constexpr (kColumns == 128) {
        RM_WGMMA_REGISTERS(128, RM_L0_31 ", " RM_L32_63, RM_D64(d, 0), 64, 65, 66, 67, 68, 69, 70);
    } else {
        RM_WGMMA_REGISTERS(256, RM_L0_31 ", " RM_L32_63 ", " RM_L64_95 ", " RM_L96_127, RM_D128(d, 0), 128, 129, 130, 131, 132,
                           133, 134);
    }
}

#undef RM_WGMMA_SHARED
#undef RM_WGMMA_REGISTERS
#undef RM_L0_31
#undef RM_L32_63
#undef RM_L64_95
#undef RM_L96_127
#undef RM_D16
#undef RM_D32
#undef RM_D64
#undef RM_D128

#endif
