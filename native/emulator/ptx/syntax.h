// What a PTX text says, before anything is made of it: functions, variables, statements with resolved names.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace emu::ptx {

/// A text that cannot be loaded: wrong syntax, an instruction that this machine lacks, or another device's target.
struct LoadError : std::runtime_error {
    enum class Kind { Text, Target };
    LoadError(int line, const std::string& text) : std::runtime_error("line " + std::to_string(line) + ": " + text) {}
    LoadError(Kind kind, const std::string& text) : std::runtime_error(text), kind(kind) {}
    Kind kind = Kind::Text;
};

enum class Space : std::uint8_t { Generic, Global, Shared, Local, Param, Const };

/// A fundamental type: kind b, u, s, f, p (predicate) or h for the floating-point formats named in `name`.
struct Type {
    char kind = 'b';
    std::uint8_t bits = 32;
    bool is_float() const { return kind == 'f' || kind == 'h'; }
    bool is_signed() const { return kind == 's'; }
    unsigned bytes() const { return bits / 8u; }
    bool operator==(const Type&) const = default;
};

/// The type of that name; false when there is none.
bool parse_type(std::string_view name, Type& type);

/// A variable of a state space. Offsets are into its space; parameters count from the start of the parameter buffer.
struct Variable {
    std::string name;
    Space space = Space::Global;
    std::uint32_t bytes = 0, alignment = 1;
    bool external = false;  // dynamic shared memory
    std::uint64_t address = 0;
    std::vector<std::uint8_t> initial;
};

struct Operand {
    enum class Kind : std::uint8_t { Register, Special, Immediate, Float, Symbol, Address, Vector, Pair, Discard, Name };
    Kind kind = Kind::Discard;
    bool negated = false;
    int reg = -1;
    /// Value of an immediate: integer, bits of 0f and 0d constants, or a double.
    std::uint64_t bits = 0;
    std::uint8_t float_bits = 0;
    std::int64_t offset = 0;
    const Variable* variable = nullptr;
    std::string_view text;
    int label = -1;
    /// Elements of a vector or pair; base and further parts of an address.
    std::vector<Operand> items;
};

struct Opcode {
    std::string text;
    std::vector<std::string_view> parts;
};

struct Statement {
    int line = 0;
    int guard = -1;
    bool guard_negated = false;
    const Opcode* opcode = nullptr;
    std::vector<Operand> operands;
};

struct Function {
    std::string name;
    bool is_entry = false, has_body = false;
    int line = 0;
    std::vector<const Variable*> parameters, returns;
    std::vector<Type> registers;
    std::vector<std::unique_ptr<Variable>> variables;
    std::vector<Statement> statements;
    /// By label number: index of the statement that it stands before.
    std::vector<std::uint32_t> labels;
    unsigned max_threads = 1024, required_threads = 0, max_registers = 0, cluster_threads = 0;
};

/// One module: the text is kept, because names point into it.
struct Module {
    std::string text;
    std::string target;
    unsigned version = 0;
    std::vector<std::unique_ptr<Variable>> variables;
    std::unordered_map<std::string_view, const Variable*> variables_by_name;
    std::map<std::string, std::unique_ptr<Function>, std::less<>> functions;
    std::unordered_map<std::string_view, std::unique_ptr<Opcode>> opcodes;
    /// Memory of .global and .const variables.
    std::vector<std::uint64_t> storage;
    std::uint64_t storage_bytes = 0;
};

/// Parses a module; throws LoadError.
std::unique_ptr<Module> parse_module(std::string text);

}  // namespace emu::ptx
