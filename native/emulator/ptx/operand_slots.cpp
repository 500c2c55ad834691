// Places of operands: registers, constants, special registers, predicates, addresses.
#include <algorithm>
#include <bit>

#include "emulator/ptx/translator.h"

namespace emu::ptx {
namespace {

const std::unordered_map<std::string_view, Special>& specials() {
    static const std::unordered_map<std::string_view, Special> all = {
        {"%tid.x", Special::TidX},
        {"%tid.y", Special::TidY},
        {"%tid.z", Special::TidZ},
        {"%ntid.x", Special::NtidX},
        {"%ntid.y", Special::NtidY},
        {"%ntid.z", Special::NtidZ},
        {"%ctaid.x", Special::CtaidX},
        {"%ctaid.y", Special::CtaidY},
        {"%ctaid.z", Special::CtaidZ},
        {"%nctaid.x", Special::NctaidX},
        {"%nctaid.y", Special::NctaidY},
        {"%nctaid.z", Special::NctaidZ},
        {"%laneid", Special::LaneId},
        {"%warpid", Special::WarpId},
        {"%nwarpid", Special::NwarpId},
        {"%smid", Special::SmId},
        {"%nsmid", Special::NsmId},
        {"%gridid", Special::GridId},
        {"%lanemask_eq", Special::LaneMaskEq},
        {"%lanemask_le", Special::LaneMaskLe},
        {"%lanemask_lt", Special::LaneMaskLt},
        {"%lanemask_ge", Special::LaneMaskGe},
        {"%lanemask_gt", Special::LaneMaskGt},
        {"%dynamic_smem_size", Special::DynamicSharedSize},
        {"%total_smem_size", Special::TotalSharedSize},
        {"%clusterid.x", Special::ClusteridX},
        {"%clusterid.y", Special::ClusteridY},
        {"%clusterid.z", Special::ClusteridZ},
        {"%nclusterid.x", Special::NclusteridX},
        {"%nclusterid.y", Special::NclusteridY},
        {"%nclusterid.z", Special::NclusteridZ},
        {"%cluster_ctaid.x", Special::ClusterCtaidX},
        {"%cluster_ctaid.y", Special::ClusterCtaidY},
        {"%cluster_ctaid.z", Special::ClusterCtaidZ},
        {"%cluster_nctaid.x", Special::ClusterNctaidX},
        {"%cluster_nctaid.y", Special::ClusterNctaidY},
        {"%cluster_nctaid.z", Special::ClusterNctaidZ},
        {"%cluster_ctarank", Special::ClusterCtarank},
        {"%cluster_nctarank", Special::ClusterNctarank},
    };
    return all;
}

}  // namespace

Slot Translator::constant(std::uint64_t bits, bool wide) {
    if (!wide) bits &= 0xFFFFFFFFu;
    auto [entry, fresh] = constants_.try_emplace({bits, wide}, 0);
    if (fresh) {
        std::vector<std::uint8_t>& bytes = program_->constants;
        entry->second = kVirtualConstant | static_cast<Slot>(bytes.size());
        for (unsigned lane = 0; lane < 32; lane++) {
            for (unsigned i = 0; i < (wide ? 8u : 4u); i++) bytes.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
        }
    }
    return entry->second;
}

std::uint64_t Translator::immediate_bits(const Operand& operand, Type type) const {
    if (operand.kind == Operand::Kind::Float) {
        if (operand.float_bits == type.bits) return operand.bits;
        double value = operand.float_bits == 32 ? std::bit_cast<float>(static_cast<std::uint32_t>(operand.bits))
                                                : std::bit_cast<double>(operand.bits);
        if (type.bits == 64) return std::bit_cast<std::uint64_t>(value);
        if (type.bits == 32) return std::bit_cast<std::uint32_t>(static_cast<float>(value));
        fail("a floating-point constant of another width");
    }
    return type.bits >= 64 ? operand.bits : operand.bits & ((1ull << type.bits) - 1);
}

Slot Translator::special(const Operand& operand) {
    if (operand.text == "WARP_SZ") return constant(32, false);
    auto known = specials().find(operand.text);
    if (known == specials().end())
        fail("the special register '" + std::string(operand.text) + "' is not one that this machine has");
    auto [entry, fresh] = specials_.try_emplace(known->second, 0);
    if (fresh) {
        registers_.push_back({'b', 32});
        is_special_.push_back(true);
        entry->second = kVirtualRegister | static_cast<Slot>(registers_.size() - 1);
        program_->specials.emplace_back(known->second, entry->second);
    }
    return entry->second;
}

Slot Translator::in(const Operand& operand, Type type) {
    const bool wide = type.bits == 64;
    switch (operand.kind) {
        case Operand::Kind::Register: {
            int reg = virtual_register(operand);
            Type declared = registers_[static_cast<std::size_t>(reg)];
            if (declared.kind == 'p' || (declared.bits == 64) != wide) {
                fail("the register '" + std::string(operand.text) + "' has another width than the instruction");
            }
            accesses_.reads.push_back(reg);
            return kVirtualRegister | static_cast<Slot>(reg);
        }
        case Operand::Kind::Special:
            if (wide) fail("'" + std::string(operand.text) + "' has 32 bits");
            return special(operand);
        case Operand::Kind::Immediate:
        case Operand::Kind::Float:
            return constant(immediate_bits(operand, type), wide);
        case Operand::Kind::Symbol:
            return constant(address_of(*operand.variable) + static_cast<std::uint64_t>(operand.offset), wide);
        default:
            fail("an operand that cannot stand here");
    }
}

Slot Translator::in_any(const Operand& operand, unsigned immediate_bits_wanted, bool& wide) {
    if (operand.kind == Operand::Kind::Register) {
        wide = registers_[static_cast<std::size_t>(virtual_register(operand))].bits == 64;
        return in_bits(operand, wide ? 64 : 32);
    }
    wide = immediate_bits_wanted == 64;
    return in_bits(operand, immediate_bits_wanted);
}

Slot Translator::out(const Operand& operand, Type type) {
    const bool wide = type.bits == 64;
    if (operand.kind == Operand::Kind::Discard) return discard(wide);
    bool is_wide;
    Slot slot = out_any(operand, is_wide);
    if (is_wide != wide) fail("the register '" + std::string(operand.text) + "' has another width than the instruction");
    return slot;
}

Slot Translator::out_any(const Operand& operand, bool& wide) {
    if (operand.kind == Operand::Kind::Discard) {
        wide = false;
        return discard(false);
    }
    if (operand.kind != Operand::Kind::Register) fail("a register expected for the result");
    int reg = virtual_register(operand);
    Type declared = registers_[static_cast<std::size_t>(reg)];
    if (declared.kind == 'p') fail("'" + std::string(operand.text) + "' is a predicate");
    wide = declared.bits == 64;
    accesses_.writes.push_back(reg);
    return kVirtualRegister | static_cast<Slot>(reg);
}

Slot Translator::discard(bool wide) {
    int& reg = discards_[wide ? 1 : 0];
    if (reg < 0) {
        registers_.push_back({'b', static_cast<std::uint8_t>(wide ? 64 : 32)});
        is_special_.push_back(true);
        reg = static_cast<int>(registers_.size()) - 1;
    }
    return kVirtualRegister | static_cast<Slot>(reg);
}

std::uint16_t Translator::discard_predicate() {
    return predicate_of(-1);
}

std::uint16_t Translator::predicate_of(int reg) {
    auto [entry, fresh] = predicates_.try_emplace(reg, 0);
    if (fresh) {
        if (program_->predicates == 0xFFFF) fail("so many predicates");
        entry->second = static_cast<std::uint16_t>(program_->predicates++);
    }
    return entry->second;
}

std::uint16_t Translator::in_predicate(const Operand& operand) {
    if (operand.kind == Operand::Kind::Immediate) return operand.bits != 0 ? kTrue : kFalse;
    if (operand.kind != Operand::Kind::Register) fail("a predicate expected");
    int reg = virtual_register(operand);
    if (registers_[static_cast<std::size_t>(reg)].kind != 'p') fail("'" + std::string(operand.text) + "' is no predicate");
    accesses_.reads.push_back(reg);
    return predicate_of(reg);
}

std::uint16_t Translator::out_predicate(const Operand& operand) {
    if (operand.kind == Operand::Kind::Discard) return discard_predicate();
    if (operand.kind != Operand::Kind::Register) fail("a predicate expected");
    int reg = virtual_register(operand);
    if (registers_[static_cast<std::size_t>(reg)].kind != 'p') fail("'" + std::string(operand.text) + "' is no predicate");
    accesses_.writes.push_back(reg);
    return predicate_of(reg);
}

std::uint64_t Translator::immediate(const Operand& operand) {
    if (operand.kind != Operand::Kind::Immediate) fail("a constant expected");
    return operand.bits;
}

Address Translator::address(const Operand& operand) {
    if (operand.kind != Operand::Kind::Address) fail("an address expected");
    Address made;
    made.offset = operand.offset;
    const Operand& base = operand.items.front();
    if (base.kind == Operand::Kind::Register) {
        made.base = in_any(base, 64, made.wide);
        return made;
    }
    if (base.kind == Operand::Kind::Symbol)
        made.offset += static_cast<std::int64_t>(address_of(*base.variable));
    else if (base.kind == Operand::Kind::Immediate)
        made.offset += static_cast<std::int64_t>(base.bits);
    else
        fail("an address that cannot stand here");
    made.wide = true;
    made.base = constant(0, true);
    return made;
}

const Slot* Translator::list(const std::vector<Slot>& slots) {
    program_->lists.push_back(std::make_unique<Slot[]>(slots.size()));
    Slot* made = program_->lists.back().get();
    std::copy(slots.begin(), slots.end(), made);
    lists_.emplace_back(made, slots.size());
    return made;
}

void Translator::note_wgmma_register(const Operand& operand) {
    if (operand.kind == Operand::Kind::Register) wgmma_registers_.push_back(virtual_register(operand));
}

}  // namespace emu::ptx
