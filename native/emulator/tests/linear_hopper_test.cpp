// The wgmma linear layer against a double-precision reference: edges of tiles, slices and stages, bias, residual, K extension,
// SwiGLU, more tiles than blocks, many schedules.
#include <cmath>

#include "emulator/tests/linear_problem.h"

using namespace test;

namespace {

struct HopperLinearArgs {
    CUdeviceptr bias, residual, y, product;
    std::int32_t m, n, k, extension_k, ldy, ldr, ldp, packets;
};

struct alignas(64) Map {
    char bytes[128];
};

constexpr unsigned kThreads = 384, kSharedBytes = 229440;

Map encode(const Buffer<std::uint16_t>& values, int rows, int columns, int stride, unsigned box_rows) {
    const std::uint64_t sizes[] = {std::uint64_t(columns), std::uint64_t(rows)}, strides[] = {std::uint64_t(stride) * 2};
    const std::uint32_t box[] = {64, box_rows}, steps[] = {1, 1};
    Map map;
    CHECK_CUDA(cuTensorMapEncodeTiled(&map, 9, 2, values.address(), sizes, strides, box, steps, 0, 3, 0, 0));
    return map;
}

Map encode(const Buffer<std::uint16_t>& values, const Matrix& matrix, unsigned box_rows) {
    return encode(values, matrix.rows, matrix.columns, matrix.stride, box_rows);
}

struct Setup {
    std::uint64_t seed = 1;
    unsigned blocks = 2;
    /// Elements between rows of y, residual and product beyond their columns.
    int gap = 0;
};

std::vector<std::uint16_t> spread(const std::vector<std::uint16_t>& values, int columns, int stride, std::uint16_t between) {
    std::vector<std::uint16_t> apart(values.size() / std::size_t(columns) * std::size_t(stride), between);
    for (std::size_t i = 0; i < values.size(); i++) apart[i / columns * stride + i % columns] = values[i];
    return apart;
}

/// Takes the gaps out of a result, having looked that nobody wrote there.
std::vector<std::uint16_t> gather(const std::vector<std::uint16_t>& apart, int columns, int stride, std::uint16_t between) {
    std::vector<std::uint16_t> values;
    for (std::size_t i = 0; i < apart.size(); i++) {
        if (int(i % stride) < columns) {
            values.push_back(apart[i]);
        } else {
            CHECK_EQUAL(apart[i], between);
        }
    }
    return values;
}

struct Result {
    std::vector<std::uint16_t> y, product;
};

constexpr std::uint16_t kBetween = 0x4242;

/// The first `ranks` of the extension count, all by default.
Result launch(Gpu& gpu, const char* kernel, const LinearProblem& problem, const Setup& setup, bool swiglu = false,
              int ranks = -1) {
    const LinearShape& shape = problem.shape;
    const int ldy = shape.n + setup.gap, features = shape.n / 2, ldp = features + setup.gap;
    std::vector<std::uint16_t> before(std::size_t(shape.m) * shape.n, kBetween);
    if (shape.residual) before = to_bf16(problem.residual);
    // The residual is y's own memory: y += a b^T.
    Buffer<std::uint16_t> y(spread(before, shape.n, ldy, kBetween));
    Buffer<std::uint16_t> product(std::vector<std::uint16_t>(swiglu ? std::size_t(shape.m) * ldp : 1, kBetween));
    const unsigned rows_b = problem.forward ? 128 : 64;
    Map a = encode(problem.a_device, problem.a, 128), b = encode(problem.b_device, problem.b, rows_b);
    Map a2 = encode(problem.a2_device, problem.a2, 128), b2 = encode(problem.b2_device, problem.b2, rows_b);
    HopperLinearArgs args{};
    if (shape.bias) args.bias = problem.bias_device.address();
    if (shape.residual) args.residual = y.address();
    args.y = y.address();
    args.m = shape.m;
    args.n = shape.n;
    args.k = shape.k;
    args.extension_k = ranks < 0 ? shape.rank : ranks;
    args.ldy = args.ldr = ldy;
    args.packets = ldy % 8 == 0 && (!swiglu || (ldp % 8 == 0 && features % 8 == 0));
    if (swiglu) {
        args.product = product.address();
        args.ldp = ldp;
    }
    CHECK_CUDA(gpu.launch(kernel, setup.blocks, kThreads, kSharedBytes, a, b, a2, b2, args));
    CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
    Result result{gather(y.read(), shape.n, ldy, kBetween), {}};
    if (swiglu) result.product = gather(product.read(), features, ldp, kBetween);
    return result;
}

/// One rounding to bfloat16, and float32 accumulation, as for the kernel of sm_80; sums of hundreds of terms may cancel further.
void check_sums(const LinearProblem& problem, const std::vector<std::uint16_t>& y) {
    check_close("y", from_bf16(y), problem.expected(), 1.0 / 255, problem.shape.k < 256 ? 1e-4 : 1e-3);
}

void run_case(const LinearShape& shape, bool forward, const Setup& setup = {}) {
    Gpu gpu(setup.seed);
    LinearProblem problem(shape, forward, setup.seed);
    Result result = launch(gpu, forward ? "linear_forward_bf16_wgmma" : "linear_backward_bf16_wgmma", problem, setup);
    check_sums(problem, result.y);
}

void run_swiglu(const LinearShape& shape, const Setup& setup = {}) {
    Gpu gpu(setup.seed);
    LinearProblem problem(shape, true, setup.seed);
    Result result = launch(gpu, "linear_forward_bf16_wgmma_swiglu", problem, setup, true);
    std::vector<float> gate_up = from_bf16(result.y);
    check_sums(problem, result.y);
    std::vector<double> product;
    const int features = shape.n / 2;
    for (int m = 0; m < shape.m; m++) {
        for (int f = 0; f < features; f++) {
            const double gate = gate_up[std::size_t(m) * shape.n + f], up = gate_up[std::size_t(m) * shape.n + features + f];
            product.push_back(gate / (1 + std::exp(-gate)) * up);
        }
    }
    // Of the values as they were stored: one rounding.
    check_close("product", from_bf16(result.product), product, 1.0 / 255, 1e-5);
}

}  // namespace

TEST(linear_hopper_tile_edges) {
    for (int size : {1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 255, 256, 257}) {
        run_case({size, 40, 24}, true);
        run_case({40, size, 24}, true);
        run_case({40, size, 24}, false);
    }
    // Slices of 16 of k, stages of 64, rounds of the ring of 4.
    for (int k : {1, 8, 15, 16, 17, 31, 48, 49, 63, 64, 65, 128, 200, 256, 257, 320, 584}) {
        run_case({24, 40, k}, true);
        run_case({24, 40, k}, false);
    }
}

TEST(linear_hopper_extension) {
    for (int rank : {1, 3, 4, 8, 12, 16, 17, 32, 33, 48, 64, 65, 130}) {
        for (int k : {40, 64, 136}) {
            run_case({20, 72, k, rank}, true);
            run_case({20, 72, k, rank}, false);
        }
    }
}

TEST(linear_hopper_epilogue) {
    for (bool forward : {true, false}) {
        for (int n : {8, 72, 73, 75, 264}) {
            for (int gap : {0, 8, 1, 2}) {
                run_case({70, n, 24, 4, forward, false}, forward, {3, 1, gap});
                run_case({70, n, 24, 0, false, true}, forward, {4, 1, gap});
            }
        }
        run_case({130, 264, 72, 16, true, true}, forward, {5, 2, 0});
    }
}

TEST(linear_hopper_swiglu) {
    run_swiglu({70, 16, 24});
    run_swiglu({33, 80, 72, 4, true});
    for (int features : {1, 7, 8, 63, 120, 127, 128, 129, 136, 257}) run_swiglu({20, 2 * features, 40, 8, true});
    run_swiglu({130, 544, 136, 16}, {6, 3, 8});
    run_swiglu({130, 544, 136, 16}, {7, 3, 1});
}

TEST(linear_hopper_many_tiles) {
    // Fewer blocks than tiles: the ring goes on from one tile to the next, at stages that are not the first. Ten rows of tiles
    // are more than the eight that make a group.
    for (unsigned blocks : {1u, 3u, 5u, 64u}) {
        run_case({260, 520, 72, 4, true, true}, true, {7, blocks});
        run_case({260, 520, 72, 4, false, true}, false, {8, blocks});
    }
    run_case({1160, 300, 40}, true, {9, 7});
}

TEST(linear_hopper_schedules) {
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
        run_case({140, 264, 328, 8, true, true}, true, {seed, 2});
        run_case({140, 264, 328, 8, false, true}, false, {seed, 2});
        run_swiglu({140, 144, 200, 8, true}, {seed, 1});
    }
}

TEST(linear_hopper_bits) {
    // The same bits in every schedule, whichever block takes a tile; and a row's bits do not depend on the rows around it.
    const LinearShape shape{200, 300, 200, 12, true, false};
    for (bool forward : {true, false}) {
        const char* kernel = forward ? "linear_forward_bf16_wgmma" : "linear_backward_bf16_wgmma";
        std::vector<std::uint16_t> first;
        for (std::uint64_t seed = 1; seed <= 4; seed++) {
            Gpu gpu(seed);
            LinearProblem problem(shape, forward, 42);
            std::vector<std::uint16_t> y = launch(gpu, kernel, problem, {seed, unsigned(seed)}).y;
            if (first.empty()) first = y;
            CHECK(y == first);
        }
        for (int row : {0, 1, 127, 128, 199}) {
            Gpu gpu;
            LinearProblem whole(shape, forward, 42);
            LinearShape one = shape;
            one.m = 1;
            LinearProblem problem(one, forward, 42);
            auto copy_row = [row](const Matrix& from, Matrix& to, Buffer<std::uint16_t>& device) {
                to.values.assign(from.values.begin() + row * from.stride, from.values.begin() + (row + 1) * from.stride);
                std::vector<std::uint16_t> bits = to_bf16(to.values);
                CHECK_CUDA(cuMemcpyHtoD_v2(device.address(), bits.data(), bits.size() * 2));
            };
            copy_row(whole.a, problem.a, problem.a_device);
            copy_row(whole.a2, problem.a2, problem.a2_device);
            CHECK_CUDA(cuMemcpyHtoD_v2(problem.b_device.address(), to_bf16(whole.b.values).data(), whole.b.values.size() * 2));
            CHECK_CUDA(cuMemcpyHtoD_v2(problem.b2_device.address(), to_bf16(whole.b2.values).data(), whole.b2.values.size() * 2));
            std::vector<std::uint16_t> y = launch(gpu, kernel, problem, {1, 1}).y;
            CHECK(std::equal(y.begin(), y.end(), first.begin() + row * shape.n));
        }
    }
}

namespace {

/// What the tests above say of the kernel `name` in place of the sound one; empty when nothing.
std::string complaint(const char* name, int ranks = -1) {
    const LinearShape shape{70, 136, 648, 20, false, false};
    Gpu gpu;
    LinearProblem problem(shape, true, 1);
    try {
        check_sums(problem, launch(gpu, name, problem, {1, 1}, false, ranks).y);
    } catch (const Failure& failure) {
        return failure.what();
    }
    return {};
}

bool says(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST(linear_hopper_defects_are_found) {
    CHECK_EQUAL(complaint("linear_forward_bf16_wgmma"), std::string());
    for (const auto& [name, expected] : {std::pair{"planted_hopper_parity_kept", "stuck-barrier"},
                                         {"planted_hopper_other_swizzle", "y["},
                                         {"planted_hopper_early_release", "wgmma-not-waited"},
                                         {"planted_hopper_no_fence", "wgmma-fence-missing"}}) {
        const std::string text = complaint(name);
        CHECK(says(text, expected), std::string(name) + ": " + text);
    }
    // An extension that is left out, and one whose last ranks are.
    CHECK(says(complaint("linear_forward_bf16_wgmma", 0), "y["));
    CHECK(says(complaint("linear_forward_bf16_wgmma", 16), "y["));
}
