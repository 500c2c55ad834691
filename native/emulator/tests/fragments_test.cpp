// Layouts of mma.sync, ldmatrix, stmatrix, wgmma and bulk copies against the figures in layout_tables.h.
#include <bit>
#include <cstring>

#include "emulator/tests/gpu.h"
#include "emulator/tests/layout_tables.h"

using namespace test;
using tables::Grid;

namespace {

struct WarpgroupArgs {
    CUdeviceptr image, a_words, d;
    std::int32_t count, a_start, b_start;
    std::uint32_t leading_a, stride_a, leading_b, stride_b, swizzle;
    std::int32_t columns, rows_major, products;
};

/// Puts a matrix of 16-bit elements into the words that the figure says: words[lane][element / 2].
std::vector<std::uint32_t> words_of(const Grid& lanes, const Grid& elements, const std::vector<float>& matrix,
                                    int words_per_lane) {
    std::vector<std::uint32_t> words(std::size_t(32 * words_per_lane));
    const std::size_t columns = lanes.rows[0].size();
    for (std::size_t r = 0; r < lanes.rows.size(); r++) {
        for (std::size_t c = 0; c < columns; c++) {
            int element = elements.rows[r][c];
            words[std::size_t(lanes.rows[r][c] * words_per_lane + element / 2)] |= std::uint32_t{to_bf16(matrix[r * columns + c])}
                                                                                   << (16 * (element % 2));
        }
    }
    return words;
}

std::vector<double> multiply(const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& c, int m, int n,
                             int k) {
    std::vector<double> d;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double sum = c[std::size_t(i * n + j)];
            for (int p = 0; p < k; p++) sum += double(a[std::size_t(i * k + p)]) * b[std::size_t(p * n + j)];
            d.push_back(sum);
        }
    }
    return d;
}

/// Accumulators by lane from a [16, 8] matrix, and back.
std::vector<float> scatter_c(const std::vector<float>& matrix) {
    std::vector<float> values(128);
    for (int r = 0; r < 16; r++) {
        for (int c = 0; c < 8; c++)
            values[std::size_t(tables::kLaneOfC.rows[r][c] * 4 + tables::kElementOfC.rows[r][c])] =
                matrix[std::size_t(r * 8 + c)];
    }
    return values;
}

std::vector<float> gather_c(const std::vector<float>& values) {
    std::vector<float> matrix;
    for (int r = 0; r < 16; r++) {
        for (int c = 0; c < 8; c++)
            matrix.push_back(values[std::size_t(tables::kLaneOfC.rows[r][c] * 4 + tables::kElementOfC.rows[r][c])]);
    }
    return matrix;
}

}  // namespace

TEST(fragments_mma_bf16) {
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
        Gpu gpu(seed);
        std::vector<float> a = random_values(256, seed, true), b = random_values(128, seed + 100, true),
                           c = random_values(128, seed + 200, false);
        Buffer<std::uint32_t> words_a(words_of(tables::kLaneOfA16, tables::kElementOfA16, a, 4));
        Buffer<std::uint32_t> words_b(words_of(tables::kLaneOfB16, tables::kElementOfB16, b, 2));
        Buffer<float> d(scatter_c(c));
        CHECK_CUDA(gpu.launch("fragment_mma_bf16", 1, 32, 0, words_a.address(), words_b.address(), d.address()));
        check_close("d", gather_c(d.read()), multiply(a, b, c, 16, 8, 16), 2e-6, 1.0);
    }
}

TEST(fragments_mma_tf32) {
    Gpu gpu;
    // bfloat16 values are exact in tf32; what lies below its ten bits is ignored.
    std::vector<float> a = random_values(128, 1, true), b = random_values(64, 2, true), c = random_values(128, 3, false);
    std::vector<std::uint32_t> words_a(128), words_b(64);
    for (int r = 0; r < 16; r++) {
        for (int k = 0; k < 8; k++) {
            words_a[std::size_t(tables::kLaneOfA8.rows[r][k] * 4 + tables::kElementOfA8.rows[r][k])] =
                std::bit_cast<std::uint32_t>(a[std::size_t(r * 8 + k)]) | 0x1FFF;
        }
    }
    for (int k = 0; k < 8; k++) {
        for (int n = 0; n < 8; n++) {
            words_b[std::size_t(tables::kLaneOfB8.rows[k][n] * 2 + tables::kElementOfB8.rows[k][n])] =
                std::bit_cast<std::uint32_t>(b[std::size_t(k * 8 + n)]);
        }
    }
    Buffer<std::uint32_t> a_device(words_a), b_device(words_b);
    Buffer<float> d(scatter_c(c));
    CHECK_CUDA(gpu.launch("fragment_mma_tf32", 1, 32, 0, a_device.address(), b_device.address(), d.address()));
    check_close("d", gather_c(d.read()), multiply(a, b, c, 16, 8, 8), 2e-6, 1.0);
}

TEST(fragments_ldmatrix) {
    Gpu gpu;
    std::vector<std::uint16_t> elements(256);
    for (std::size_t i = 0; i < 256; i++) elements[i] = std::uint16_t(0x4000 + i);
    for (bool transposed : {false, true}) {
        for (int matrices : {1, 2, 4}) {
            if (transposed && matrices == 1) continue;
            Buffer<std::uint16_t> source(elements);
            Buffer<std::uint32_t> words(std::size_t(32 * matrices));
            CHECK_CUDA(gpu.launch("fragment_load", 1, 32, 0, source.address(), words.address(), matrices, int(transposed)));
            std::vector<std::uint32_t> values = words.read();
            const Grid& lanes = transposed ? tables::kLaneOfMatrixTransposed : tables::kLaneOfMatrix;
            for (int matrix = 0; matrix < matrices; matrix++) {
                for (int r = 0; r < 8; r++) {
                    for (int c = 0; c < 8; c++) {
                        std::uint32_t word = values[std::size_t(lanes.rows[r][c] * matrices + matrix)];
                        int half = transposed ? r % 2 : c % 2;
                        CHECK_EQUAL(int(word >> (16 * half) & 0xFFFF), int(elements[std::size_t(matrix * 64 + r * 8 + c)]));
                    }
                }
            }
        }
    }
}

TEST(fragments_stmatrix) {
    Gpu gpu;
    std::vector<std::uint32_t> words(128);
    for (std::size_t i = 0; i < 128; i++) words[i] = std::uint32_t(0x10000 * (2 * i + 1) + 2 * i);
    Buffer<std::uint32_t> source(words);
    Buffer<std::uint16_t> elements(256);
    CHECK_CUDA(gpu.launch("fragment_store", 1, 32, 0, source.address(), elements.address()));
    std::vector<std::uint16_t> values = elements.read();
    for (int matrix = 0; matrix < 4; matrix++) {
        for (int r = 0; r < 8; r++) {
            for (int c = 0; c < 8; c++) {
                std::uint32_t word = words[std::size_t(tables::kLaneOfMatrix.rows[r][c] * 4 + matrix)];
                CHECK_EQUAL(int(values[std::size_t(matrix * 64 + r * 8 + c)]), int(word >> (16 * (c % 2)) & 0xFFFF));
            }
        }
    }
}

namespace {

/// A swizzle as the tests name it: its descriptor number, its row width, and its figure (null without a swizzle).
struct Swizzle {
    std::uint32_t descriptor;
    int width;
    const Grid* figure;
    int tensor_map;
};
const Swizzle kSwizzles[] = {
    {0, 16, nullptr, 0}, {3, 32, &tables::kSwizzle32, 1}, {2, 64, &tables::kSwizzle64, 2}, {1, 128, &tables::kSwizzle128, 3}};

/// Element offset, in an operand that starts at 0, of (outer row, inner element): a canonical layout is a column of strips as
/// wide as the swizzle, each a stack of groups of eight rows. Strips are `strip` bytes apart, groups `group` bytes.
std::size_t place(const Swizzle& swizzle, int outer, int inner, int strip, int group) {
    const int per_row = swizzle.width / 2, chunk = inner % per_row / 8;
    const int placed = swizzle.figure == nullptr ? chunk : swizzle.figure->rows[outer % 8][chunk];
    return std::size_t((inner / per_row * strip + outer / 8 * group + outer % 8 * swizzle.width + placed * 16) / 2 + inner % 8);
}

struct WarpgroupCase {
    int columns;
    bool rows_major, a_in_registers;
    int products;
};

void run_warpgroup(const Swizzle& swizzle, const WarpgroupCase& test, std::uint64_t seed) {
    Gpu gpu(seed);
    constexpr int kRows = 64, kDepth = 16;
    const int columns = test.columns;
    std::vector<float> a = random_values(kRows * kDepth, seed, true),
                       b = random_values(std::size_t(columns) * kDepth, seed + 1, true);  // a [m, k], b [n, k]
    std::vector<float> c = random_values(std::size_t(kRows) * columns, seed + 2, false);

    // K-major: the rows of the figure are rows of M or N and k runs along them. MN-major: the rows are k.
    auto layout = [&](int rows, const std::vector<float>& matrix, std::vector<std::uint16_t>& image, std::uint32_t& leading,
                      std::uint32_t& stride) {
        const std::size_t start = (image.size() + 511) / 512 * 512;  // 1024 bytes
        const int inner = test.rows_major ? rows : kDepth, outer = test.rows_major ? kDepth : rows;
        const int group = 8 * swizzle.width, strips = (2 * inner + swizzle.width - 1) / swizzle.width, strip = outer / 8 * group;
        image.resize(start + std::size_t(strips * strip / 2), to_bf16(1000.0f));
        for (int r = 0; r < rows; r++) {
            for (int k = 0; k < kDepth; k++) {
                std::size_t at = test.rows_major ? place(swizzle, k, r, strip, group) : place(swizzle, r, k, strip, group);
                image[start + at] = to_bf16(matrix[std::size_t(r * kDepth + k)]);
            }
        }
        // Without a swizzle, the PTX ISA's tables swap the two strides for the MN-major layout.
        bool swapped = swizzle.figure == nullptr && test.rows_major;
        leading = std::uint32_t(swapped ? group : strip);
        stride = std::uint32_t(swapped ? strip : group);
        return int(start);
    };
    std::vector<std::uint16_t> image;
    WarpgroupArgs args{};
    args.a_start = layout(kRows, a, image, args.leading_a, args.stride_a);
    args.b_start = layout(columns, b, image, args.leading_b, args.stride_b);

    std::vector<std::uint32_t> words;
    for (int warp = 0; warp < 4; warp++) {
        std::vector<float> slice(a.begin() + warp * 256, a.begin() + (warp + 1) * 256);
        for (std::uint32_t word : words_of(tables::kLaneOfA16, tables::kElementOfA16, slice, 4)) words.push_back(word);
    }
    // Element i of a thread's accumulators: column block i / 4, within it the figure of C.
    auto for_each = [&](auto visit) {
        for (int r = 0; r < kRows; r++) {
            for (int n = 0; n < columns; n++) {
                int thread = r / 16 * 32 + tables::kLaneOfC.rows[r % 16][n % 8],
                    element = n / 8 * 4 + tables::kElementOfC.rows[r % 16][n % 8];
                visit(std::size_t(r * columns + n), std::size_t(thread * columns / 2 + element));
            }
        }
    };
    std::vector<float> scattered(c.size());
    for_each([&](std::size_t at, std::size_t held) { scattered[held] = c[at]; });

    Buffer<std::uint16_t> image_device(image);
    Buffer<std::uint32_t> words_device(words);
    Buffer<float> d(scattered);
    args.image = image_device.address();
    args.a_words = test.a_in_registers ? words_device.address() : 0;
    args.d = d.address();
    args.count = int(image.size());
    args.swizzle = swizzle.descriptor;
    args.columns = columns;
    args.rows_major = test.rows_major ? 1 : 0;
    args.products = test.products;
    CHECK_CUDA(gpu.launch("fragment_warpgroup", 1, 128, unsigned(image.size() * 2), args));
    CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());

    std::vector<float> result = d.read(), gathered(c.size());
    for_each([&](std::size_t at, std::size_t held) { gathered[at] = result[held]; });
    std::vector<double> expected;
    for (int r = 0; r < kRows; r++) {
        for (int n = 0; n < columns; n++) {
            double sum = 0;
            for (int k = 0; k < kDepth; k++) sum += double(a[std::size_t(r * kDepth + k)]) * b[std::size_t(n * kDepth + k)];
            expected.push_back(c[std::size_t(r * columns + n)] + test.products * sum);
        }
    }
    check_close("d", gathered, expected, 4e-6, 1.0);
}

}  // namespace

TEST(fragments_wgmma_layouts) {
    for (const Swizzle& swizzle : kSwizzles) {
        for (bool rows_major : {false, true}) {
            for (int columns : {64, 128, 256}) run_warpgroup(swizzle, {columns, rows_major, false, 1}, 5);
        }
    }
}

TEST(fragments_wgmma_registers_and_chains) {
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
        run_warpgroup(kSwizzles[3], {64, false, true, 1}, seed);
        run_warpgroup(kSwizzles[3], {128, true, false, 3}, seed);
    }
}

TEST(fragments_bulk_copy) {
    // A 20 x 70 tensor; boxes inside, across each edge and before the origin. Outside arrives as zero and is not stored.
    constexpr int kWidth = 72, kHeight = 20, kInside = 70;
    for (const Swizzle& swizzle : kSwizzles) {
        const int box_x = swizzle.figure == nullptr ? 24 : swizzle.width / 2, box_y = 8;
        for (int x : {-8, 0, 32, 64}) {
            for (int y : {-3, 0, 5, 16}) {
                Gpu gpu(std::uint64_t(x + 100 * y + 1000));
                std::vector<std::uint16_t> tensor(kWidth * kHeight);
                for (std::size_t i = 0; i < tensor.size(); i++) tensor[i] = std::uint16_t(i + 1);
                Buffer<std::uint16_t> from(tensor), to(std::vector<std::uint16_t>(tensor.size())),
                    image(std::size_t(box_x * box_y));
                const std::uint64_t sizes[] = {kInside, kHeight}, strides[] = {kWidth * 2};
                const std::uint32_t box[] = {std::uint32_t(box_x), std::uint32_t(box_y)}, steps[] = {1, 1};
                struct alignas(64) Map {
                    char bytes[128];
                } from_map, to_map;
                CHECK_CUDA(cuTensorMapEncodeTiled(&from_map, 9, 2, from.address(), sizes, strides, box, steps, 0,
                                                  swizzle.tensor_map, 0, 0));
                CHECK_CUDA(
                    cuTensorMapEncodeTiled(&to_map, 9, 2, to.address(), sizes, strides, box, steps, 0, swizzle.tensor_map, 0, 0));
                CHECK_CUDA(gpu.launch("fragment_bulk", 1, 32, 8192, from_map, to_map, image.address(), box_x * box_y, x, y));
                CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
                std::vector<std::uint16_t> shared = image.read(), stored = to.read();
                for (int r = 0; r < box_y; r++) {
                    for (int c = 0; c < box_x; c++) {
                        bool inside = x + c >= 0 && x + c < kInside && y + r >= 0 && y + r < kHeight;
                        int expected = inside ? tensor[std::size_t((y + r) * kWidth + x + c)] : 0;
                        std::size_t at =
                            swizzle.figure == nullptr ? std::size_t(r * box_x + c) : place(swizzle, r, c, 0, 8 * swizzle.width);
                        CHECK_EQUAL(int(shared[at]), expected);
                    }
                }
                for (int r = 0; r < kHeight; r++) {
                    for (int c = 0; c < kWidth; c++) {
                        bool copied = c >= x && c < x + box_x && c < kInside && r >= y && r < y + box_y;
                        CHECK_EQUAL(int(stored[std::size_t(r * kWidth + c)]),
                                    copied ? int(tensor[std::size_t(r * kWidth + c)]) : 0);
                    }
                }
            }
        }
    }
}
