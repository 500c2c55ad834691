// What launches of the PTX machine did, counted: instructions by opcode, sectors of global memory, passes through shared memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emulator/ptx/program.h"

namespace emu::ptx {

class Warp;

/// Sums of one or more launches of a kernel.
struct KernelCounts {
    /// By number of the instruction: how often a warp has issued it for at least one lane.
    std::vector<std::uint64_t> issued;
    std::uint64_t blocks = 0;
    /// Sectors of 32 bytes that loads and stores touch, and how many their bytes would fill.
    std::uint64_t sectors = 0, sectors_needed = 0;
    /// Passes through the 32 banks, and how many an access of that width takes without conflicts.
    std::uint64_t passes = 0, passes_needed = 0;
    /// Bytes of bulk copies and tensor boxes in both directions.
    std::uint64_t bulk_bytes = 0;

    void start(const Program& program);
    /// Notes an instruction that is about to be run.
    void note(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
    void add(const KernelCounts& other);

private:
    void note_global(const std::uint64_t* addresses, std::uint32_t lanes, unsigned bytes);
    void note_shared(const std::uint64_t* addresses, std::uint32_t lanes, unsigned bytes);
};

/// Whether launches are counted. Turning it on forgets what was counted before.
bool counting();
void count_launches(bool on);
/// A kernel was loaded: it is in the lists from here on, with nothing executed.
void note_loaded(const Program& program);
/// What one cluster did.
void add_counts(const Program& program, const KernelCounts& counts);
/// A line for each kernel and target: JSON.
std::string counts_text();
/// A line for each kernel, target and opcode: its name, how often it was executed, its places in the text and those never
/// executed.
std::string coverage_text();

}  // namespace emu::ptx
