// Runs the blocks of a launch on the cores of the host.
#pragma once

#include <cstdint>

namespace emu {

struct Launch;

/// Runs all blocks of the launch in an order that its seed decides; returns when all have ended. One launch at a time.
void run_blocks(Launch& launch);

/// Number of host threads that run blocks: BTRM_EMULATOR_THREADS, or all cores.
unsigned worker_count();

}  // namespace emu
