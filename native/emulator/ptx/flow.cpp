#include "emulator/ptx/flow.h"

#include <algorithm>
#include <queue>

#include "emulator/ptx/control.h"

namespace emu::ptx {

void Flow::finish() {
    find_blocks();
    find_post_dominators();
    find_lives();
    allot_registers();
    build();
}

void Flow::find_blocks() {
    const auto& meta = translator_.meta_;
    const int count = static_cast<int>(meta.size());
    std::vector<bool> leads(static_cast<std::size_t>(count) + 1, false);
    leads[0] = true;
    for (int label : translator_.labels_) {
        if (label >= 0 && label < count) leads[static_cast<std::size_t>(label)] = true;
    }
    for (int i = 0; i < count; i++) {
        if (meta[static_cast<std::size_t>(i)].branch || meta[static_cast<std::size_t>(i)].exit)
            leads[static_cast<std::size_t>(i) + 1] = true;
    }
    block_of_.resize(static_cast<std::size_t>(count));
    for (int i = 0; i < count; i++) {
        if (leads[static_cast<std::size_t>(i)]) blocks_.push_back({i, i, {}, {}, -1});
        blocks_.back().last = i + 1;
        block_of_[static_cast<std::size_t>(i)] = static_cast<int>(blocks_.size()) - 1;
    }
    for (std::size_t b = 0; b < blocks_.size(); b++) {
        const auto& last = meta[static_cast<std::size_t>(blocks_[b].last) - 1];
        bool falls = !(last.branch || last.exit) || last.guarded;
        if (last.branch) {
            int at = translator_.labels_[static_cast<std::size_t>(last.label)];
            if (at < 0 || at >= count)
                throw LoadError(translator_.code_[static_cast<std::size_t>(blocks_[b].last) - 1].line,
                                "a branch out of the function");
            blocks_[b].successors.push_back(block_of_[static_cast<std::size_t>(at)]);
        }
        if (falls && b + 1 < blocks_.size()) blocks_[b].successors.push_back(static_cast<int>(b) + 1);
        for (int successor : blocks_[b].successors)
            blocks_[static_cast<std::size_t>(successor)].predecessors.push_back(static_cast<int>(b));
    }
}

// Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm", on the reversed graph with one more node for the end.
void Flow::find_post_dominators() {
    const int end = static_cast<int>(blocks_.size());
    const auto& meta = translator_.meta_;
    auto leaves = [&](int b) { return meta[static_cast<std::size_t>(blocks_[static_cast<std::size_t>(b)].last) - 1].exit; };
    std::vector<int> order, number(static_cast<std::size_t>(end) + 1, -1);
    std::vector<std::pair<int, std::size_t>> stack;
    std::vector<bool> seen(static_cast<std::size_t>(end) + 1, false);
    std::vector<int> ends;
    for (int b = 0; b < end; b++) {
        if (leaves(b)) ends.push_back(b);
    }
    auto reversed = [&](int b) -> const std::vector<int>& {
        return b == end ? ends : blocks_[static_cast<std::size_t>(b)].predecessors;
    };
    stack.emplace_back(end, 0);
    seen[static_cast<std::size_t>(end)] = true;
    while (!stack.empty()) {
        auto& [b, next] = stack.back();
        const std::vector<int>& to = reversed(b);
        if (next < to.size()) {
            int child = to[next++];
            if (seen[static_cast<std::size_t>(child)]) continue;
            seen[static_cast<std::size_t>(child)] = true;
            stack.emplace_back(child, 0);
        } else {
            number[static_cast<std::size_t>(b)] = static_cast<int>(order.size());
            order.push_back(b);
            stack.pop_back();
        }
    }
    std::vector<int> dominator(static_cast<std::size_t>(end) + 1, -1);
    dominator[static_cast<std::size_t>(end)] = end;
    auto meet = [&](int a, int b) {
        while (a != b) {
            while (number[static_cast<std::size_t>(a)] < number[static_cast<std::size_t>(b)])
                a = dominator[static_cast<std::size_t>(a)];
            while (number[static_cast<std::size_t>(b)] < number[static_cast<std::size_t>(a)])
                b = dominator[static_cast<std::size_t>(b)];
        }
        return a;
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (auto entry = order.rbegin(); entry != order.rend(); ++entry) {
            int b = *entry;
            if (b == end) continue;
            int now = leaves(b) ? end : -1;
            for (int successor : blocks_[static_cast<std::size_t>(b)].successors) {
                if (dominator[static_cast<std::size_t>(successor)] < 0) continue;
                now = now < 0 ? successor : meet(now, successor);
            }
            if (now != dominator[static_cast<std::size_t>(b)]) {
                dominator[static_cast<std::size_t>(b)] = now;
                changed = true;
            }
        }
    }
    for (int b = 0; b < end; b++) {
        int found = dominator[static_cast<std::size_t>(b)];
        blocks_[static_cast<std::size_t>(b)].post_dominator = found == end ? -1 : found;
    }
}

void Flow::find_lives() {
    const auto& meta = translator_.meta_;
    const std::size_t registers = translator_.registers_.size(), words = (registers + 63) / 64;
    std::vector<Bits> used(blocks_.size(), Bits(words)), killed(blocks_.size(), Bits(words)), in(blocks_.size(), Bits(words));
    auto set = [](Bits& bits, int reg) { bits[static_cast<std::size_t>(reg) / 64] |= 1ull << (reg % 64); };
    auto has = [](const Bits& bits, int reg) { return (bits[static_cast<std::size_t>(reg) / 64] >> (reg % 64) & 1) != 0; };
    for (std::size_t b = 0; b < blocks_.size(); b++) {
        for (int i = blocks_[b].first; i < blocks_[b].last; i++) {
            const auto& here = meta[static_cast<std::size_t>(i)];
            for (int reg : here.accesses.reads) {
                if (!has(killed[b], reg)) set(used[b], reg);
            }
            if (here.guarded) continue;  // lanes that the guard leaves out keep the old value
            for (int reg : here.accesses.writes) set(killed[b], reg);
        }
    }
    std::vector<Bits> out(blocks_.size(), Bits(words));
    std::vector<bool> queued(blocks_.size(), true);
    std::vector<int> work;
    for (std::size_t b = 0; b < blocks_.size(); b++) work.push_back(static_cast<int>(b));
    while (!work.empty()) {
        auto b = static_cast<std::size_t>(work.back());
        work.pop_back();
        queued[b] = false;
        bool changed = false;
        for (int successor : blocks_[b].successors) {
            for (std::size_t w = 0; w < words; w++) out[b][w] |= in[static_cast<std::size_t>(successor)][w];
        }
        for (std::size_t w = 0; w < words; w++) {
            std::uint64_t now = used[b][w] | (out[b][w] & ~killed[b][w]);
            changed = changed || now != in[b][w];
            in[b][w] = now;
        }
        if (!changed) continue;
        for (int before : blocks_[b].predecessors) {
            if (queued[static_cast<std::size_t>(before)]) continue;
            queued[static_cast<std::size_t>(before)] = true;
            work.push_back(before);
        }
    }
    lives_.assign(registers, {-1, -1});
    auto extend = [&](int reg, int at) {
        auto& life = lives_[static_cast<std::size_t>(reg)];
        if (life.first < 0) life = {at, at};
        life.first = std::min(life.first, at);
        life.second = std::max(life.second, at);
    };
    auto extend_all = [&](const Bits& bits, int at) {
        for (std::size_t w = 0; w < words; w++) {
            for (std::uint64_t rest = bits[w]; rest != 0; rest &= rest - 1) {
                extend(static_cast<int>(w * 64) + std::countr_zero(rest), at);
            }
        }
    };
    for (std::size_t b = 0; b < blocks_.size(); b++) {
        extend_all(in[b], blocks_[b].first);
        extend_all(out[b], blocks_[b].last);
        for (int i = blocks_[b].first; i < blocks_[b].last; i++) {
            for (int reg : meta[static_cast<std::size_t>(i)].accesses.reads) extend(reg, i);
            for (int reg : meta[static_cast<std::size_t>(i)].accesses.writes) extend(reg, i);
            // Accumulators are written at the wait.
            if (meta[static_cast<std::size_t>(i)].opcode->rfind("wgmma.wait_group", 0) != 0) continue;
            for (int reg : translator_.wgmma_registers_) extend(reg, i);
        }
    }
    undefined_at_entry_.assign(registers, false);
    for (std::size_t reg = 0; reg < registers; reg++) undefined_at_entry_[reg] = has(in[0], static_cast<int>(reg));
}

// Linear scan over the lives as one stretch each. Places of 32 bits a lane come before those of 64.
void Flow::allot_registers() {
    const auto& registers = translator_.registers_;
    places_.assign(registers.size(), 0);
    struct Ending {
        int at;
        Slot place;
        bool operator<(const Ending& other) const { return at > other.at; }
    };
    Slot next = 0;
    for (bool wide : {false, true}) {
        const Slot size = wide ? 256 : 128;
        std::vector<int> order;
        for (std::size_t reg = 0; reg < registers.size(); reg++) {
            if (registers[reg].kind == 'p' || (registers[reg].bits == 64) != wide) continue;
            if (translator_.is_special_[reg]) {
                places_[reg] = next;
                next += size;
            } else if (lives_[reg].first >= 0) {
                order.push_back(static_cast<int>(reg));
            }
        }
        std::sort(order.begin(), order.end(), [&](int a, int b) {
            return lives_[static_cast<std::size_t>(a)].first < lives_[static_cast<std::size_t>(b)].first;
        });
        std::priority_queue<Ending> busy;
        std::vector<Slot> free;
        for (int reg : order) {
            const auto& life = lives_[static_cast<std::size_t>(reg)];
            for (; !busy.empty() && busy.top().at < life.first; busy.pop()) free.push_back(busy.top().place);
            Slot at = next;
            if (!free.empty()) {
                at = free.back();
                free.pop_back();
            } else {
                next += size;
            }
            places_[static_cast<std::size_t>(reg)] = at;
            busy.push({life.second, at});
        }
        next = (next + 255) / 256 * 256;
    }
    translator_.program_->register_bytes = next;
}

Slot Flow::place(Slot slot) const {
    switch (slot & kVirtualMask) {
        case kVirtualRegister:
            return places_[slot & ~kVirtualMask];
        case kVirtualConstant:
            return kConstantSlot | (slot & ~kVirtualMask);
        default:
            return slot;
    }
}

void Flow::build() {
    Program& program = *translator_.program_;
    auto& code = translator_.code_;
    auto& meta = translator_.meta_;
    std::vector<bool> joins(blocks_.size(), false);
    auto parts = [&](const Block& block) {
        const auto& last = meta[static_cast<std::size_t>(block.last) - 1];
        return last.branch && last.guarded && block.post_dominator >= 0;
    };
    for (const Block& block : blocks_) {
        if (parts(block)) joins[static_cast<std::size_t>(block.post_dominator)] = true;
    }
    // Registers that may be read before they are written are watched; others cannot be.
    std::vector<int> tracked(translator_.registers_.size(), -1);
    for (std::size_t reg = 0; reg < tracked.size(); reg++) {
        if (!undefined_at_entry_[reg] || translator_.is_special_[reg]) continue;
        tracked[reg] = static_cast<int>(program.tracked_registers.size());
        program.tracked_registers.push_back(static_cast<std::int32_t>(reg));
    }
    program.tracked_index.assign(tracked.begin(), tracked.end());
    std::vector<std::int32_t>& products = program.wgmma_registers;
    products.assign(translator_.registers_.size(), -1);
    auto own = [&](int reg) {
        auto& index = products[static_cast<std::size_t>(reg)];
        if (index >= 0) return false;
        index = static_cast<std::int32_t>(program.wgmma_register_count++);
        return true;
    };
    for (int reg : translator_.wgmma_registers_) own(reg);
    // And the registers that they are copies of.
    for (bool grown = program.wgmma_register_count > 0; grown;) {
        grown = false;
        for (const auto& entry : meta) {
            if (entry.copies < 0 || products[static_cast<std::size_t>(entry.accesses.writes[0])] < 0) continue;
            grown = own(entry.copies) || grown;
        }
    }

    std::vector<Instruction> made;
    std::vector<int> starts(blocks_.size()), places(code.size());
    auto pseudo = [&](Handler handler, const Instruction& beside, Slot a) {
        Instruction extra;
        extra.run = handler;
        extra.a = a;
        extra.guard = beside.guard;
        extra.guard_flip = beside.guard_flip;
        extra.line = beside.line;
        extra.number = beside.number;
        return extra;
    };
    for (std::size_t b = 0; b < blocks_.size(); b++) {
        starts[b] = static_cast<int>(made.size());
        if (joins[b]) {
            Instruction join = pseudo(&run_join, code[static_cast<std::size_t>(blocks_[b].first)], 0);
            join.guard = kTrue;
            join.guard_flip = 0;
            made.push_back(join);
        }
        for (int i = blocks_[b].first; i < blocks_[b].last; i++) {
            const Instruction& instruction = code[static_cast<std::size_t>(i)];
            const Accesses& accesses = meta[static_cast<std::size_t>(i)].accesses;
            const bool product = meta[static_cast<std::size_t>(i)].opcode->rfind("wgmma.mma_async", 0) == 0;
            for (int reg : accesses.reads) {
                int index = tracked[static_cast<std::size_t>(reg)];
                if (index < 0) continue;
                // Accumulators are read only where a predicate says so: the product checks them itself.
                if (product && std::count(accesses.writes.begin(), accesses.writes.end(), reg) != 0) continue;
                Instruction check = pseudo(&run_check_defined, instruction, static_cast<Slot>(index));
                // The guard itself is read by all lanes.
                if (translator_.registers_[static_cast<std::size_t>(reg)].kind == 'p') check.guard = kTrue, check.guard_flip = 0;
                made.push_back(check);
            }
            places[static_cast<std::size_t>(i)] = static_cast<int>(made.size());
            made.push_back(instruction);
            for (int reg : accesses.writes) {
                int index = tracked[static_cast<std::size_t>(reg)];
                if (index >= 0) made.push_back(pseudo(&run_mark_defined, instruction, static_cast<Slot>(index)));
                int owner = products[static_cast<std::size_t>(reg)];
                if (owner >= 0 && !product) {
                    const int from = meta[static_cast<std::size_t>(i)].copies;
                    Instruction mark =
                        pseudo(from == -1 ? &run_mark_changed : &run_mark_copied, instruction, static_cast<Slot>(owner));
                    mark.b = from >= 0 ? static_cast<Slot>(products[static_cast<std::size_t>(from)]) : kNoSource;
                    made.push_back(mark);
                }
            }
        }
    }
    program.code = std::move(made);
    for (const Block& block : blocks_) {
        const auto last = static_cast<std::size_t>(block.last) - 1;
        if (!meta[last].branch) continue;
        Instruction& branch = program.code[static_cast<std::size_t>(places[last])];
        const int to = block_of_[static_cast<std::size_t>(translator_.labels_[static_cast<std::size_t>(meta[last].label)])];
        branch.target = &program.code[static_cast<std::size_t>(starts[static_cast<std::size_t>(to)])];
        if (parts(block))
            branch.join = &program.code[static_cast<std::size_t>(starts[static_cast<std::size_t>(block.post_dominator)])];
    }
    for (Instruction& instruction : program.code) {
        for (Slot* slot : {&instruction.d, &instruction.a, &instruction.b, &instruction.c}) *slot = place(*slot);
    }
    for (auto& [list, count] : translator_.lists_) {
        for (std::size_t i = 0; i < count; i++) list[i] = place(list[i]);
    }
    for (auto& [special, slot] : program.specials) slot = place(slot);
    for (auto& entry : meta) {
        program.accesses.push_back(std::move(entry.accesses));
        program.opcodes.push_back(entry.opcode);
        program.shapes.push_back(AccessShape::parse(*entry.opcode));
    }
}

}  // namespace emu::ptx
