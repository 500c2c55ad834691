// The calls of cuBLASLt that btrm makes, with a plain loop as the product: bfloat16 matrices, column-major, summed in float32.
// It checks what the real library checks or leaves undefined: an algorithm of another shape, leading dimensions, alignment,
// the workspace, memory that nobody wrote. It proves the host's path to the library, not the library.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>

#include "emulator/driver/state.h"
#include "emulator/global_memory.h"

using emu::Driver;
using emu::GlobalMemory;
using emu::Operation;
using emu::Stream;

namespace {

enum Status : int { kSuccess = 0, kInvalidValue = 7, kExecutionFailed = 13, kNotSupported = 15 };

constexpr int kTypeF32 = 0, kTypeBf16 = 14, kComputeF32 = 68, kTransposed = 1, kTransposeA = 3, kMaxWorkspace = 1;
constexpr std::uint64_t kWorkspaceBytes = 1 << 20, kAlignment = 16;

struct Description {
    bool transpose_a = false;
};

struct Matrix {
    std::uint64_t rows = 0, columns = 0;
    std::int64_t leading = 0;
};

struct Preference {
    std::uint64_t max_workspace = 0;
};

struct Algorithm {
    std::uint64_t words[8];
};

struct Heuristic {
    Algorithm algorithm;
    std::size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

// What an algorithm was chosen for: it may not be used for anything else.
Algorithm algorithm_of(const Description& description, const Matrix& a, const Matrix& b, const Matrix& d) {
    return {{0x6274726d, description.transpose_a, a.rows, a.columns, b.columns, static_cast<std::uint64_t>(a.leading),
             static_cast<std::uint64_t>(b.leading), static_cast<std::uint64_t>(d.leading)}};
}

bool fits(const Description& description, const Matrix& a, const Matrix& b, const Matrix& d) {
    std::uint64_t m = description.transpose_a ? a.columns : a.rows, k = description.transpose_a ? a.rows : a.columns;
    return b.rows == k && d.rows == m && d.columns == b.columns;
}

std::uint64_t bytes_of(const Matrix& matrix) {
    return 2 * (static_cast<std::uint64_t>(matrix.leading) * (matrix.columns - 1) + matrix.rows);
}

bool readable(std::uint64_t address, const Matrix& matrix) {
    return address % kAlignment == 0 && matrix.leading * 2 % kAlignment == 0 &&
           GlobalMemory::instance().contains(address, bytes_of(matrix));
}

float to_float(std::uint16_t bits) {
    std::uint32_t word = static_cast<std::uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &word, sizeof value);
    return value;
}

std::uint16_t to_bf16(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FFF;
    return static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

// The matrix without gaps, column by column. Memory that nobody wrote arrives as NaN.
std::vector<float> read(std::uint64_t address, const Matrix& matrix) {
    std::vector<float> values(matrix.rows * matrix.columns);
    std::vector<std::uint16_t> column(matrix.rows);
    for (std::uint64_t j = 0; j < matrix.columns; j++) {
        GlobalMemory::instance().copy_out(column.data(), address + 2 * matrix.leading * j, 2 * matrix.rows);
        for (std::uint64_t i = 0; i < matrix.rows; i++) values[j * matrix.rows + i] = to_float(column[i]);
    }
    return values;
}

struct Product {
    Description description;
    float alpha, beta;
    std::uint64_t a, b, c, d;
    Matrix a_layout, b_layout, c_layout, d_layout;
};

CUresult multiply(const Product& p) {
    const std::vector<float> a = read(p.a, p.a_layout), b = read(p.b, p.b_layout);
    const std::vector<float> c = p.beta == 0 ? std::vector<float>() : read(p.c, p.c_layout);
    const std::uint64_t m = p.d_layout.rows, n = p.d_layout.columns, k = p.b_layout.rows;
    std::vector<std::uint16_t> column(m);
    for (std::uint64_t j = 0; j < n; j++) {
        for (std::uint64_t i = 0; i < m; i++) {
            float sum = 0;
            for (std::uint64_t l = 0; l < k; l++) sum += (p.description.transpose_a ? a[i * k + l] : a[l * m + i]) * b[j * k + l];
            column[i] = to_bf16(p.alpha * sum + (p.beta == 0 ? 0 : p.beta * c[j * m + i]));
        }
        GlobalMemory::instance().copy_in(p.d + 2 * p.d_layout.leading * j, column.data(), 2 * m);
    }
    return CUDA_SUCCESS;
}

template <typename T>
Status destroy(T* object) {
    delete object;
    return kSuccess;
}

}  // namespace

EMU_API int cublasLtCreate(void** handle) {
    if (handle == nullptr || emu::require_context() != CUDA_SUCCESS) return kInvalidValue;
    *handle = new Preference;
    return kSuccess;
}

EMU_API int cublasLtDestroy(Preference* handle) {
    return destroy(handle);
}

EMU_API std::size_t cublasLtGetVersion() {
    return 120400;
}

EMU_API int cublasLtMatmulDescCreate(Description** description, int compute, int scale) {
    if (compute != kComputeF32 || scale != kTypeF32) return kNotSupported;
    *description = new Description;
    return kSuccess;
}

EMU_API int cublasLtMatmulDescDestroy(Description* description) {
    return destroy(description);
}

EMU_API int cublasLtMatmulDescSetAttribute(Description* description, int attribute, const void* value, std::size_t bytes) {
    int operation = 0;
    if (attribute != kTransposeA || bytes != sizeof operation) return kInvalidValue;
    std::memcpy(&operation, value, sizeof operation);
    description->transpose_a = operation == kTransposed;
    return kSuccess;
}

EMU_API int cublasLtMatrixLayoutCreate(Matrix** matrix, int type, std::uint64_t rows, std::uint64_t columns,
                                       std::int64_t leading) {
    if (type != kTypeBf16 || rows == 0 || columns == 0 || leading < static_cast<std::int64_t>(rows)) return kInvalidValue;
    *matrix = new Matrix{rows, columns, leading};
    return kSuccess;
}

EMU_API int cublasLtMatrixLayoutDestroy(Matrix* matrix) {
    return destroy(matrix);
}

EMU_API int cublasLtMatmulPreferenceCreate(Preference** preference) {
    *preference = new Preference;
    return kSuccess;
}

EMU_API int cublasLtMatmulPreferenceDestroy(Preference* preference) {
    return destroy(preference);
}

EMU_API int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value, std::size_t bytes) {
    if (attribute == kMaxWorkspace) {
        if (bytes != sizeof preference->max_workspace) return kInvalidValue;
        std::memcpy(&preference->max_workspace, value, bytes);
        return kSuccess;
    }
    return bytes == 4 ? kSuccess : kInvalidValue;
}

EMU_API int cublasLtMatmulAlgoGetHeuristic(void*, const Description* description, const Matrix* a, const Matrix* b, const Matrix*,
                                           const Matrix* d, const Preference* preference, int requested, Heuristic* results,
                                           int* count) {
    if (requested < 1 || !fits(*description, *a, *b, *d)) return kInvalidValue;
    if (preference->max_workspace < kWorkspaceBytes) return kNotSupported;
    *results = {algorithm_of(*description, *a, *b, *d), kWorkspaceBytes, kSuccess, 1, {}};
    *count = 1;
    return kSuccess;
}

EMU_API int cublasLtMatmul(void*, const Description* description, const float* alpha, std::uint64_t a, const Matrix* a_layout,
                           std::uint64_t b, const Matrix* b_layout, const float* beta, std::uint64_t c, const Matrix* c_layout,
                           std::uint64_t d, const Matrix* d_layout, const Algorithm* algorithm, std::uint64_t workspace,
                           std::size_t workspace_bytes, void* stream_handle) {
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    Stream* stream = driver.stream(stream_handle);
    const Algorithm chosen = algorithm_of(*description, *a_layout, *b_layout, *d_layout);
    if (emu::require_context() != CUDA_SUCCESS || stream == nullptr || !fits(*description, *a_layout, *b_layout, *d_layout) ||
        algorithm == nullptr || std::memcmp(algorithm, &chosen, sizeof chosen) != 0 || workspace_bytes < kWorkspaceBytes ||
        !GlobalMemory::instance().contains(workspace, workspace_bytes) || !readable(a, *a_layout) || !readable(b, *b_layout) ||
        !readable(d, *d_layout) || c_layout->rows != d_layout->rows || c_layout->columns != d_layout->columns ||
        (*beta != 0 && !readable(c, *c_layout)))
        return kInvalidValue;
    Product product{*description, *alpha, *beta, a, b, c, d, *a_layout, *b_layout, *c_layout, *d_layout};
    Operation operation;
    operation.run = [product] { return multiply(product); };
    return driver.enqueue(*stream, std::move(operation)) == CUDA_SUCCESS ? kSuccess : kExecutionFailed;
}
