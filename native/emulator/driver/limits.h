// Limits of the emulated architecture, in bytes, threads and blocks.
#pragma once

namespace emu {

bool is_known_architecture(unsigned architecture);
/// What BTRM_EMULATOR_CAPABILITY names (8.0, 9.0, 12.0, ...), else 9.0.
unsigned architecture_from_environment();
int shared_limit_per_block();
int shared_per_multiprocessor();
int threads_per_multiprocessor();
int blocks_per_multiprocessor();

}  // namespace emu
