// Recursive descent over a PTX module.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "emulator/ptx/lexer.h"
#include "emulator/ptx/syntax.h"

namespace emu::ptx {

class Parser {
public:
    explicit Parser(Module& module) : module_(module), lexer_(module.text) {}
    void parse();

private:
    /// Names declared between two braces. Inline assembly declares labels and registers in scopes of its own.
    struct Scope {
        int parent = -1;
        std::unordered_map<std::string_view, int> registers;
        /// Prefix of a parameterised declaration (%r<16>): its first register and their number.
        std::unordered_map<std::string_view, std::pair<int, int>> ranges;
        std::unordered_map<std::string_view, const Variable*> variables;
        std::unordered_map<std::string_view, int> labels;
    };
    struct PendingName {
        std::size_t statement, operand;
        int scope;
    };

    void parse_directive(const Token& directive);
    void parse_function(bool is_entry);
    void parse_function_directive(const Token& directive);
    void parse_body();
    void parse_body_directive(const Token& directive);
    void parse_statement(Token first);
    void parse_registers();
    std::unique_ptr<Variable> parse_variable(Space space, bool external);
    void parse_parameters(std::vector<const Variable*>& list, char end);
    void parse_initial(Variable& variable, const Type& type);
    std::uint64_t parse_number(bool& is_float, std::uint8_t& float_bits);
    std::int64_t parse_integer();
    unsigned parse_extent();
    Operand parse_operand();
    Operand parse_address();
    Operand parse_name(const Token& token);
    bool find_register(std::string_view name, int& reg) const;
    const Variable* find_variable(std::string_view name) const;
    const Opcode* opcode(std::string_view text);
    void resolve_names();
    void place_globals();

    Module& module_;
    Lexer lexer_;
    Function* function_ = nullptr;
    std::vector<Scope> scopes_;
    int scope_ = -1;
    std::vector<PendingName> pending_;
    std::vector<std::pair<Variable*, std::pair<std::size_t, std::string_view>>> address_initials_;
};

}  // namespace emu::ptx
