// Operands of a PTX statement: registers, immediates, vectors, addresses.
#include <utility>

#include "emulator/ptx/parser.h"

namespace emu::ptx {

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
