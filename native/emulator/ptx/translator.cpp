#include "emulator/ptx/translator.h"

#include <algorithm>
#include <bit>

#include "emulator/ptx/control.h"
#include "emulator/ptx/flow.h"
#include "emulator/ptx/shared_window.h"

namespace emu::ptx {
namespace {

constexpr int kMaxCallDepth = 16;

const TranslateTable& table() {
    static const TranslateTable all = [] {
        TranslateTable made;
        add_integer(made);
        add_floating(made);
        add_compare(made);
        add_move(made);
        add_convert(made);
        add_load_store(made);
        add_atomic(made);
        add_control(made);
        add_collective(made);
        add_matrix(made);
        add_async_copy(made);
        add_barrier(made);
        add_mbarrier(made);
        add_tensor_copy(made);
        add_wgmma(made);
        add_cluster(made);
        return made;
    }();
    return all;
}

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

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

bool Modifiers::take(std::string_view part) {
    auto entry = std::find(parts_.begin(), parts_.end(), part);
    if (entry == parts_.end()) return false;
    parts_.erase(entry);
    return true;
}

std::string_view Modifiers::take_one(std::initializer_list<std::string_view> parts, std::string_view fallback) {
    for (std::string_view part : parts) {
        if (take(part)) return part;
    }
    return fallback;
}

bool Modifiers::take_last_type(Type& type) {
    if (parts_.empty() || !parse_type(parts_.back(), type)) return false;
    parts_.pop_back();
    return true;
}

Type Modifiers::take_type() {
    Type type;
    if (!take_last_type(type)) unknown();
    return type;
}

std::string_view Modifiers::take_last() {
    if (parts_.empty()) unknown();
    std::string_view last = parts_.back();
    parts_.pop_back();
    return last;
}

void Modifiers::finish() const {
    if (!parts_.empty()) unknown();
}

void Modifiers::unknown() const {
    throw LoadError(statement_.line, "the instruction '" + statement_.opcode->text + "' is not one that this machine has");
}

Translator::Translator(const Module& module, const Function& entry)
    : module_(module), entry_(entry), program_(std::make_unique<Program>()) {}

std::unique_ptr<Program> Translator::run() {
    program_->name = entry_.name;
    program_->max_threads = entry_.max_threads;
    program_->required_threads = entry_.required_threads;
    program_->max_registers = entry_.max_registers;
    program_->cluster_size = entry_.cluster_threads;
    program_->module_data = round_up(reinterpret_cast<std::uint64_t>(module_.storage.data()), 16);
    program_->module_data_bytes = module_.storage_bytes;
    for (const Variable* parameter : entry_.parameters) {
        program_->parameters.push_back({static_cast<std::uint32_t>(parameter->address), parameter->bytes, parameter->alignment});
        program_->parameter_bytes = static_cast<std::uint32_t>(parameter->address) + parameter->bytes;
    }
    place_shared();
    Frame frame{&entry_, 0, 0, -1, {}, {}};
    for (const Variable* parameter : entry_.parameters) frame.places[parameter] = parameter->address;
    frame_ = &frame;
    translate_function(entry_);
    // Whoever falls off the end is at its end.
    Statement last;
    static const Opcode kEnd{"ret", {}};
    last.opcode = &kEnd;
    last.line = code_.empty() ? entry_.line : code_.back().line;
    statement_ = &last;
    add_exit(&run_exit);
    Flow(*this).finish();
    return std::move(program_);
}

void Translator::collect_shared(const Function& function, std::vector<const Variable*>& found, int depth) {
    if (depth > kMaxCallDepth) return;
    auto visit = [&](auto& self, const Operand& operand) -> void {
        if (operand.variable != nullptr && operand.variable->space == Space::Shared &&
            std::find(found.begin(), found.end(), operand.variable) == found.end()) {
            found.push_back(operand.variable);
        }
        for (const Operand& item : operand.items) self(self, item);
    };
    for (const Statement& statement : function.statements) {
        for (const Operand& operand : statement.operands) {
            visit(visit, operand);
            if (operand.kind != Operand::Kind::Name || operand.label >= 0) continue;
            auto called = module_.functions.find(operand.text);
            if (called != module_.functions.end()) collect_shared(*called->second, found, depth + 1);
        }
    }
}

void Translator::place_shared() {
    std::vector<const Variable*> found;
    collect_shared(entry_, found, 0);
    std::uint64_t offset = kFirstShared;
    for (const Variable* variable : found) {
        if (variable->external) continue;
        shared_places_[variable] = offset = round_up(offset, std::max(variable->alignment, 16u));
        offset += variable->bytes;
    }
    program_->static_shared_bytes = static_cast<std::uint32_t>(offset - kFirstShared);
    // Compilers count on more alignment of dynamic shared memory than they declare: 1024 is what 128-byte swizzles need.
    program_->dynamic_shared_start = static_cast<std::uint32_t>(offset == kFirstShared ? offset : round_up(offset, 1024));
    for (const Variable* variable : found) {
        if (variable->external) shared_places_[variable] = program_->dynamic_shared_start;
    }
}

void Translator::translate_function(const Function& function) {
    frame_->register_base = static_cast<int>(registers_.size());
    registers_.insert(registers_.end(), function.registers.begin(), function.registers.end());
    is_special_.resize(registers_.size(), false);
    frame_->label_base = static_cast<int>(labels_.size());
    labels_.insert(labels_.end(), function.labels.size(), -1);
    if (frame_->end_label >= 0) {
        labels_.push_back(-1);
        frame_->end_label = static_cast<int>(labels_.size()) - 1;
    }
    std::vector<std::pair<std::uint32_t, int>> marks;
    for (std::size_t i = 0; i < function.labels.size(); i++)
        marks.emplace_back(function.labels[i], frame_->label_base + static_cast<int>(i));
    std::stable_sort(marks.begin(), marks.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::size_t next = 0;
    for (std::uint32_t i = 0; i <= function.statements.size(); i++) {
        for (; next < marks.size() && marks[next].first == i; next++) {
            labels_[static_cast<std::size_t>(marks[next].second)] = static_cast<int>(code_.size());
        }
        if (i < function.statements.size()) translate(function.statements[i]);
    }
    if (frame_->end_label >= 0) labels_[static_cast<std::size_t>(frame_->end_label)] = static_cast<int>(code_.size());
}

void Translator::translate(const Statement& statement) {
    statement_ = &statement;
    accesses_ = {};
    std::string_view head = statement.opcode->parts.front();
    auto entry = table().find(head);
    Modifiers modifiers(statement);
    if (entry == table().end()) modifiers.unknown();
    entry->second(*this, statement, modifiers);
}

void Translator::call(const Statement& statement, const std::string& name, const std::vector<Operand>& returns,
                      const std::vector<Operand>& arguments) {
    auto called = module_.functions.find(name);
    if (called == module_.functions.end() || !called->second->has_body)
        fail("call of '" + name + "', which is not in the module");
    if (statement.guard >= 0) fail("a call with a guard is not known");
    const Function& function = *called->second;
    if (++depth_ > kMaxCallDepth) fail("calls of '" + name + "' are nested too deep");
    if (function.parameters.size() != arguments.size() || function.returns.size() != returns.size()) {
        fail("call of '" + name + "' with other parameters than it has");
    }
    Frame frame{&function, 0, 0, 0, {}, {}};
    auto bind = [&](const std::vector<const Variable*>& formal, const std::vector<Operand>& actual) {
        for (std::size_t i = 0; i < formal.size(); i++) {
            if (actual[i].kind != Operand::Kind::Symbol) fail("only .param variables can be passed to a function");
            frame.places[formal[i]] = address_of(*actual[i].variable);
        }
    };
    bind(function.parameters, arguments);
    bind(function.returns, returns);
    Frame* caller = frame_;
    const Statement* at = statement_;
    frame_ = &frame;
    translate_function(function);
    frame_ = caller;
    statement_ = at;
    depth_--;
}

int Translator::label(const Operand& operand) const {
    if (operand.label < 0) fail("'" + std::string(operand.text) + "' is no label");
    return frame_->label_base + operand.label;
}

std::uint64_t Translator::address_of(const Variable& variable) {
    switch (variable.space) {
        case Space::Shared: {
            auto entry = shared_places_.find(&variable);
            if (entry == shared_places_.end()) fail("'" + variable.name + "' has no place in shared memory");
            return entry->second;
        }
        case Space::Local:
        case Space::Param: {
            auto entry = frame_->places.find(&variable);
            if (entry != frame_->places.end()) return entry->second;
            std::uint64_t place = round_up(program_->local_bytes + 16, std::max(variable.alignment, 8u));
            program_->local_bytes = static_cast<std::uint32_t>(place + variable.bytes);
            return frame_->places[&variable] = place;
        }
        default:
            return variable.address;
    }
}

Space Translator::space_of(const Operand& operand, Space asked) const {
    if (asked != Space::Param || operand.kind != Operand::Kind::Address) return asked;
    const Operand& base = operand.items.front();
    if (base.kind != Operand::Kind::Symbol) return Space::Param;
    const auto& parameters = entry_.parameters;
    bool of_entry = std::find(parameters.begin(), parameters.end(), base.variable) != parameters.end();
    return of_entry ? Space::Param : Space::Local;
}

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

Instruction& Translator::add(Handler handler) {
    Instruction instruction;
    instruction.run = handler;
    instruction.line = statement_->line;
    instruction.number = static_cast<std::int32_t>(code_.size());
    Meta meta;
    meta.opcode = &statement_->opcode->text;
    if (statement_->guard >= 0) {
        int reg = frame_->register_base + statement_->guard;
        if (registers_[static_cast<std::size_t>(reg)].kind != 'p') fail("the guard is no predicate");
        instruction.guard = predicate_of(reg);
        instruction.guard_flip = statement_->guard_negated ? ~0u : 0;
        accesses_.reads.push_back(reg);
        meta.guarded = true;
    }
    meta.accesses = std::move(accesses_);
    accesses_ = {};
    code_.push_back(instruction);
    meta_.push_back(std::move(meta));
    return code_.back();
}

Instruction& Translator::add_branch(Handler handler, int to) {
    Instruction& made = add(handler);
    meta_.back().branch = true;
    meta_.back().label = to;
    return made;
}

void Translator::note_copy(const Operand& from) {
    meta_.back().copies = from.kind == Operand::Kind::Register ? virtual_register(from) : -2;
}

void Translator::add_exit(Handler handler) {
    add(handler);
    meta_.back().exit = true;
}

void Translator::fail(const std::string& text) const {
    throw LoadError(statement_ != nullptr ? statement_->line : entry_.line,
                    text + (statement_ != nullptr ? " ('" + statement_->opcode->text + "')" : ""));
}

}  // namespace emu::ptx
