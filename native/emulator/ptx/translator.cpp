#include "emulator/ptx/translator.h"

#include <algorithm>

#include "emulator/ptx/control.h"
#include "emulator/ptx/flow.h"
#include "emulator/ptx/shared_window.h"
#include "emulator/ptx/system_call.h"

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

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

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
    program_->target = module_.target;
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
    if (translate_system_call(*this, name, arguments)) return;
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
