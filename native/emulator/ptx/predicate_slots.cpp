// Where a translated instruction finds and leaves predicates.
#include "emulator/ptx/translator.h"

namespace emu::ptx {

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

}  // namespace emu::ptx
