// The operands of instructions: numbers, names, vectors, addresses.
#include <bit>
#include <cerrno>
#include <cstdlib>

#include "emulator/ptx/parser.h"

namespace emu::ptx {

std::uint64_t Parser::parse_number(bool& is_float, std::uint8_t& float_bits) {
    is_float = false;
    float_bits = 0;
    bool negative = lexer_.accept('-');
    Token token = lexer_.take();
    if (token.kind != Token::Kind::Number)
        throw LoadError(token.line, "a number expected before '" + std::string(token.text) + "'");
    std::string text(token.text);
    char second = text.size() > 1 ? text[1] : '\0';
    if (text[0] == '0' && (second == 'f' || second == 'F' || second == 'd' || second == 'D')) {
        is_float = true;
        float_bits = second == 'f' || second == 'F' ? 32 : 64;
        std::uint64_t bits = std::strtoull(text.c_str() + 2, nullptr, 16);
        return negative ? bits ^ 1ull << (float_bits - 1) : bits;
    }
    bool hexadecimal = second == 'x' || second == 'X';
    if (!hexadecimal && text.find_first_of(".eE") != std::string::npos) {
        is_float = true;
        double value = std::strtod(text.c_str(), nullptr);
        return std::bit_cast<std::uint64_t>(negative ? -value : value);
    }
    if (text.back() == 'U' || text.back() == 'u') text.pop_back();
    const char* digits = text.c_str();
    int base = 10;
    if (hexadecimal)
        base = 16;
    else if (second == 'b' || second == 'B')
        digits += 2, base = 2;
    else if (text[0] == '0')
        base = 8;
    char* end = nullptr;
    errno = 0;
    std::uint64_t value = std::strtoull(digits, &end, base);
    if (*end != '\0' || errno != 0) throw LoadError(token.line, "'" + std::string(token.text) + "' is no number");
    return negative ? 0 - value : value;
}

std::int64_t Parser::parse_integer() {
    bool is_float;
    std::uint8_t float_bits;
    int line = lexer_.peek().line;
    std::uint64_t value = parse_number(is_float, float_bits);
    if (is_float) throw LoadError(line, "a whole number expected");
    return static_cast<std::int64_t>(value);
}

bool Parser::find_register(std::string_view name, int& reg) const {
    std::size_t digits = name.size();
    while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') digits--;
    std::string_view prefix = name.substr(0, digits);
    for (int scope = scope_; scope >= 0; scope = scopes_[static_cast<std::size_t>(scope)].parent) {
        const Scope& here = scopes_[static_cast<std::size_t>(scope)];
        if (auto entry = here.registers.find(name); entry != here.registers.end()) {
            reg = entry->second;
            return true;
        }
        if (digits == name.size()) continue;
        if (auto range = here.ranges.find(prefix); range != here.ranges.end()) {
            int number = std::atoi(std::string(name.substr(digits)).c_str());
            if (number >= range->second.second) continue;
            reg = range->second.first + number;
            return true;
        }
    }
    return false;
}

const Variable* Parser::find_variable(std::string_view name) const {
    for (int scope = scope_; scope >= 0; scope = scopes_[static_cast<std::size_t>(scope)].parent) {
        const Scope& here = scopes_[static_cast<std::size_t>(scope)];
        if (auto entry = here.variables.find(name); entry != here.variables.end()) return entry->second;
    }
    auto entry = module_.variables_by_name.find(name);
    return entry == module_.variables_by_name.end() ? nullptr : entry->second;
}

Operand Parser::parse_name(const Token& token) {
    Operand operand;
    operand.text = token.text;
    if (token.text == "_") return operand;
    if (find_register(token.text, operand.reg)) {
        operand.kind = Operand::Kind::Register;
    } else if (const Variable* variable = find_variable(token.text); variable != nullptr) {
        operand.kind = Operand::Kind::Symbol;
        operand.variable = variable;
    } else if (token.text[0] == '%' || token.text == "WARP_SZ") {
        operand.kind = Operand::Kind::Special;
    } else {
        operand.kind = Operand::Kind::Name;
    }
    return operand;
}

Operand Parser::parse_operand() {
    const Token& next = lexer_.peek();
    if (next.is('[')) return parse_address();
    if (next.is('{') || next.is('(')) {
        Operand vector;
        vector.kind = Operand::Kind::Vector;
        char end = next.is('{') ? '}' : ')';
        lexer_.take();
        if (lexer_.accept(end)) return vector;
        do {
            vector.items.push_back(parse_operand());
        } while (lexer_.accept(','));
        lexer_.expect(end);
        return vector;
    }
    if (lexer_.accept('!')) {
        Operand operand = parse_operand();
        operand.negated = true;
        return operand;
    }
    if (next.kind != Token::Kind::Word) {
        Operand operand;
        bool is_float;
        operand.bits = parse_number(is_float, operand.float_bits);
        operand.kind = is_float ? Operand::Kind::Float : Operand::Kind::Immediate;
        return operand;
    }
    Operand operand = parse_name(lexer_.take());
    if (lexer_.accept('|')) {
        Operand pair;
        pair.kind = Operand::Kind::Pair;
        pair.items.push_back(std::move(operand));
        pair.items.push_back(parse_name(lexer_.expect_word()));
        return pair;
    }
    if (operand.kind == Operand::Kind::Symbol) {
        if (lexer_.accept('+'))
            operand.offset = parse_integer();
        else if (lexer_.peek().is('-'))
            operand.offset = parse_integer();
    }
    return operand;
}

Operand Parser::parse_address() {
    lexer_.expect('[');
    Operand address;
    address.kind = Operand::Kind::Address;
    Operand base = parse_operand();
    address.offset = base.kind == Operand::Kind::Symbol ? base.offset : 0;
    base.offset = 0;
    if (lexer_.accept('+'))
        address.offset += parse_integer();
    else if (lexer_.peek().is('-'))
        address.offset += parse_integer();
    address.items.push_back(std::move(base));
    while (lexer_.accept(',')) address.items.push_back(parse_operand());
    lexer_.expect(']');
    return address;
}

}  // namespace emu::ptx
