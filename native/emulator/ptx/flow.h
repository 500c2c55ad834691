// What is known of a program's flow before it runs: where parted lanes meet, which registers live when, and so which may share a
// place.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/ptx/translator.h"

namespace emu::ptx {

class Flow {
public:
    explicit Flow(Translator& translator) : translator_(translator) {}
    /// Turns the translator's instructions into the program's.
    void finish();

private:
    struct Block {
        int first = 0, last = 0;  // instructions [first, last)
        std::vector<int> successors, predecessors;
        int post_dominator = -1;
    };
    using Bits = std::vector<std::uint64_t>;

    void find_blocks();
    void find_post_dominators();
    void find_lives();
    void allot_registers();
    void build();
    Slot place(Slot slot) const;

    Translator& translator_;
    std::vector<Block> blocks_;
    std::vector<int> block_of_;
    /// By register: first and last instruction of its life, -1 when it is never used.
    std::vector<std::pair<int, int>> lives_;
    std::vector<bool> undefined_at_entry_;
    std::vector<Slot> places_;
};

}  // namespace emu::ptx
