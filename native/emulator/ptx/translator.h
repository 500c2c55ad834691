// Makes a program of an entry function: finds the handler of each statement and the places of its operands. Functions that it
// calls are put in place of the call.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "emulator/ptx/program.h"
#include "emulator/ptx/syntax.h"

namespace emu::ptx {

/// Windows of generic addresses; global addresses are those of the host and lie elsewhere.
constexpr std::uint64_t kSharedBase = 1ull << 40, kLocalBase = 2ull << 40, kParamBase = 3ull << 40, kWindowBytes = 1ull << 40;

/// The modifiers of an opcode that have not been understood yet: each must be.
class Modifiers {
public:
    Modifiers(const Statement& statement) : statement_(statement), parts_(statement.opcode->parts) {
        parts_.erase(parts_.begin());
    }

    bool take(std::string_view part);
    /// Takes the first of the parts that is there, or returns the fallback.
    std::string_view take_one(std::initializer_list<std::string_view> parts, std::string_view fallback = {});
    /// Takes the last part, which must be a type.
    Type take_type();
    bool take_last_type(Type& type);
    std::string_view take_last();
    bool empty() const { return parts_.empty(); }
    std::string_view first() const { return parts_.empty() ? std::string_view() : parts_.front(); }
    /// Fails when something is left.
    void finish() const;
    [[noreturn]] void unknown() const;

private:
    const Statement& statement_;
    std::vector<std::string_view> parts_;
};

/// An address operand: a register or nothing, and an offset that is known.
struct Address {
    Slot base = 0;
    bool wide = false;
    std::int64_t offset = 0;
};

class Translator {
public:
    Translator(const Module& module, const Function& entry);
    std::unique_ptr<Program> run();

    /// Operands of the statement under translation.
    Slot in(const Operand& operand, Type type);
    Slot in_bits(const Operand& operand, unsigned bits) { return in(operand, {'b', static_cast<std::uint8_t>(bits)}); }
    Slot out(const Operand& operand, Type type);
    Slot out_bits(const Operand& operand, unsigned bits) { return out(operand, {'b', static_cast<std::uint8_t>(bits)}); }
    /// Any register, with the width that it was declared with.
    Slot in_any(const Operand& operand, unsigned immediate_bits, bool& wide);
    Slot out_any(const Operand& operand, bool& wide);
    Slot constant(std::uint64_t bits, bool wide);
    std::uint16_t in_predicate(const Operand& operand);
    std::uint16_t out_predicate(const Operand& operand);
    /// A place that nobody reads, for results that are thrown away.
    Slot discard(bool wide);
    std::uint16_t discard_predicate();
    bool is_predicate(const Operand& operand) const {
        return registers_[static_cast<std::size_t>(virtual_register(operand))].kind == 'p';
    }
    std::uint64_t immediate(const Operand& operand);
    Address address(const Operand& operand);
    /// The state space that a variable named in an address lies in: parameters of called functions are local memory.
    Space space_of(const Operand& operand, Space asked) const;
    std::uint64_t address_of(const Variable& variable);
    const Slot* list(const std::vector<Slot>& slots);
    /// Registers that a wgmma reads or accumulates in.
    void note_wgmma_register(const Operand& operand);

    /// Adds an instruction with the statement's guard.
    Instruction& add(Handler handler);
    Instruction& add_branch(Handler handler, int label);
    /// Says that the instruction just added only moves a value: -2 for a constant.
    void note_copy(const Operand& from);
    void add_exit(Handler handler);
    [[noreturn]] void fail(const std::string& text) const;
    const Function& function() const { return *frame_->function; }
    bool in_call() const { return frame_->end_label >= 0; }
    int end_label() const { return frame_->end_label; }
    int label(const Operand& operand) const;
    void call(const Statement& statement, const std::string& name, const std::vector<Operand>& returns,
              const std::vector<Operand>& arguments);

private:
    friend class Flow;
    struct Frame {
        const Function* function;
        int register_base, label_base, end_label;
        std::map<const Variable*, std::uint64_t> places;
        std::map<const Variable*, bool> is_local;
    };
    struct Meta {
        Accesses accesses;
        const std::string* opcode = nullptr;
        int label = -1;
        bool branch = false, exit = false, guarded = false;
        /// Of a copy from register to register: its source; -2 of a constant.
        int copies = -1;
    };

    void translate_function(const Function& function);
    void translate(const Statement& statement);
    void place_shared();
    void collect_shared(const Function& function, std::vector<const Variable*>& found, int depth);
    int virtual_register(const Operand& operand) const { return frame_->register_base + operand.reg; }
    Slot special(const Operand& operand);
    std::uint64_t immediate_bits(const Operand& operand, Type type) const;
    std::uint16_t predicate_of(int reg);

    const Module& module_;
    const Function& entry_;
    std::unique_ptr<Program> program_;
    Frame* frame_ = nullptr;
    const Statement* statement_ = nullptr;
    int depth_ = 0;
    std::vector<Type> registers_;
    std::vector<bool> is_special_;
    std::vector<int> labels_;
    std::vector<Instruction> code_;
    std::vector<Meta> meta_;
    Accesses accesses_;
    std::vector<std::pair<Slot*, std::size_t>> lists_;
    std::map<std::pair<std::uint64_t, bool>, Slot> constants_;
    std::unordered_map<int, std::uint16_t> predicates_;
    std::map<Special, Slot> specials_;
    std::map<const Variable*, std::uint64_t> shared_places_;
    std::vector<int> wgmma_registers_;
    int discards_[2] = {-1, -1};
};

/// Translates one kind of statement, by the first part of its opcode.
using TranslateFunction = void (*)(Translator& translator, const Statement& statement, Modifiers& modifiers);
using TranslateTable = std::unordered_map<std::string_view, TranslateFunction>;

void add_integer(TranslateTable& table);
void add_floating(TranslateTable& table);
void add_compare(TranslateTable& table);
void add_move(TranslateTable& table);
void add_convert(TranslateTable& table);
void add_load_store(TranslateTable& table);
void add_atomic(TranslateTable& table);
void add_control(TranslateTable& table);
void add_collective(TranslateTable& table);
void add_matrix(TranslateTable& table);
void add_async_copy(TranslateTable& table);
void add_barrier(TranslateTable& table);
void add_mbarrier(TranslateTable& table);
void add_tensor_copy(TranslateTable& table);
void add_wgmma(TranslateTable& table);
void add_cluster(TranslateTable& table);

/// Virtual places before registers are allotted: the top two bits say what the number counts.
constexpr Slot kVirtualRegister = 1u << 30, kVirtualConstant = 2u << 30, kVirtualMask = 3u << 30;

}  // namespace emu::ptx
