// Seeded numbers for schedules (xorshift64*, Vigna 2016): the same seed gives the same interleaving.
#pragma once

#include <cstdint>

namespace emu {

/// Mixes a seed and a counter into an unrelated number (the finaliser of SplitMix64).
inline std::uint64_t mix(std::uint64_t value) {
    value += 0x9E3779B97F4A7C15ull;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
    return value ^ (value >> 31);
}

class Random {
public:
    void seed(std::uint64_t value) { state_ = mix(value) | 1; }

    std::uint32_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<std::uint32_t>((state_ * 0x2545F4914F6CDD1Dull) >> 32);
    }

    /// A number below `bound`, which must be at least 1.
    std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>((std::uint64_t{next()} * bound) >> 32); }

private:
    std::uint64_t state_ = 1;
};

}  // namespace emu
