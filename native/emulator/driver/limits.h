// Limits of the emulated architecture, in bytes, threads and blocks.
#pragma once

namespace emu {

bool is_known_architecture(unsigned architecture);
int shared_limit_per_block();
int shared_per_multiprocessor();
int threads_per_multiprocessor();
int blocks_per_multiprocessor();

}  // namespace emu
