// Matrix operations of one warp: ldmatrix, stmatrix and mma.sync. All 32 lanes take part (PTX ISA, "Warp Level Matrix ...").
//
// Layouts, for lane l of m16n8k16 with 16-bit inputs (g = l / 4, t = l % 4):
//   A, word i holds row g + 8 (i % 2), columns 2 t + 8 (i / 2) and the next      B, word i: rows k = 2 t + 8 i and the next,
//   column g C and D, element i: row g + 8 (i / 2), column 2 t + i % 2
#pragma once

#include "common/bfloat16.cuh"
#include "common/fragment.cuh"
#include "common/memory.cuh"

#ifdef RM_EMULATOR
#include "emulator/matrix.h"

/// Loads 8x8 matrices of 16-bit elements, one word a lane and matrix: lane 8 i + r passes the 16-byte row r of matrix i.
template <int kMatrices>
inline void load_matrices(Fragment<uint32, kMatrices>& words, SharedPtr<const bfloat16> row,
                          ::emu::Where where = ::emu::Where::here()) {
    ::emu::load_matrices(row.raw(), kMatrices, false, words.data(), where);
}

/// The same with every matrix transposed.
template <int kMatrices>
inline void load_matrices_transposed(Fragment<uint32, kMatrices>& words, SharedPtr<const bfloat16> row,
                                     ::emu::Where where = ::emu::Where::here()) {
    ::emu::load_matrices(row.raw(), kMatrices, true, words.data(), where);
}

/// Stores 8x8 matrices (sm_90); the opposite of load_matrices.
template <int kMatrices>
inline void store_matrices(SharedPtr<bfloat16> row, const Fragment<uint32, kMatrices>& words,
                           ::emu::Where where = ::emu::Where::here()) {
    ::emu::store_matrices(row.raw(), kMatrices, false, words.data(), where);
}

/// d += a b: 16x8 += 16x16 16x8, bfloat16 inputs, float32 accumulators.
inline void multiply_m16n8k16(Fragment<float, 4>& d, const Fragment<uint32, 4>& a, const Fragment<uint32, 2>& b,
                              ::emu::Where where = ::emu::Where::here()) {
    ::emu::multiply_bf16(d.data(), a.data(), b.data(), d.data(), where);
}

/// d += a b: 16x8 += 16x8 8x8, tf32 inputs (float32 bits), float32 accumulators.
inline void multiply_m16n8k8_tf32(Fragment<float, 4>& d, const Fragment<uint32, 4>& a, const Fragment<uint32, 2>& b,
                                  ::emu::Where where = ::emu::Where::here()) {
    ::emu::multiply_tf32(d.data(), a.data(), b.data(), d.data(), where);
}

#else

template <int kMatrices>
RM_DEVICE void load_matrices(Fragment<uint32, kMatrices>& words, SharedPtr<const bfloat16> row) {
    static_assert(kMatrices == 1 || kMatrices == 2 || kMatrices == 4, "ldmatrix takes 1, 2 or 4 matrices");
    const uint32 address = shared_address(row);
    if constexpr (kMatrices == 1) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(words[0]) : "r"(address) : "memory");
    } else if constexpr (kMatrices == 2) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                     : "=r"(words[0]), "=r"(words[1])
                     : "r"(address)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                     : "r"(address)
                     : "memory");
    }
}

template <int kMatrices>
RM_DEVICE void load_matrices_transposed(Fragment<uint32, kMatrices>& words, SharedPtr<const bfloat16> row) {
    static_assert(kMatrices == 2 || kMatrices == 4, "transposed loads take 2 or 4 matrices");
    const uint32 address = shared_address(row);
    if constexpr (kMatrices == 2) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                     : "=r"(words[0]), "=r"(words[1])
                     : "r"(address)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                     : "r"(address)
                     : "memory");
    }
}

#if __CUDA_ARCH__ >= 900
template <int kMatrices>
RM_DEVICE void store_matrices(SharedPtr<bfloat16> row, const Fragment<uint32, kMatrices>& words) {
    static_assert(kMatrices == 4, "stores take 4 matrices");
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};"
                 :
                 : "r"(shared_address(row)), "r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3])
                 : "memory");
}
#endif

RM_DEVICE void multiply_m16n8k16(Fragment<float, 4>& d, const Fragment<uint32, 4>& a, const Fragment<uint32, 2>& b) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

RM_DEVICE void multiply_m16n8k8_tf32(Fragment<float, 4>& d, const Fragment<uint32, 4>& a, const Fragment<uint32, 2>& b) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#endif
