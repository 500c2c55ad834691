// Atomic operations lose nothing in any schedule, with blocks on all cores.
#include "emulator/tests/gpu.h"

using namespace test;

TEST(atomics_histogram) {
    constexpr unsigned kBlocks = 37, kThreads = 128;
    std::vector<std::uint32_t> values(kBlocks * kThreads), expected(8);
    for (std::size_t i = 0; i < values.size(); i++) {
        values[i] = std::uint32_t(i * 7 / 3 % 8);
        expected[values[i]]++;
    }
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
        Gpu gpu(seed);
        Buffer<std::uint32_t> in(values), counts(std::vector<std::uint32_t>(8)), finished(std::vector<std::uint32_t>(1)),
            total(1);
        CHECK_CUDA(gpu.launch("atomic_histogram", kBlocks, kThreads, 0, in.address(), counts.address(), finished.address(),
                              total.address()));
        CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
        CHECK(counts.read() == expected);
        CHECK_EQUAL(total.read()[0], kBlocks * kThreads);
    }
}

TEST(atomics_lock) {
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
        Gpu gpu(seed);
        Buffer<std::uint32_t> lock(std::vector<std::uint32_t>(1)), sum(std::vector<std::uint32_t>(1));
        CHECK_CUDA(gpu.launch("atomic_lock", 16, 256, 0, lock.address(), sum.address()));
        CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
        CHECK_EQUAL(sum.read()[0], 16u * 8);
    }
}
