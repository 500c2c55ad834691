#include "emulator/ptx/parser.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace emu::ptx {
namespace {

struct NamedType {
    std::string_view name;
    Type type;
};

constexpr NamedType kTypes[] = {
    {"b8", {'b', 8}},    {"b16", {'b', 16}}, {"b32", {'b', 32}},   {"b64", {'b', 64}},  {"b128", {'b', 128}},
    {"u8", {'u', 8}},    {"u16", {'u', 16}}, {"u32", {'u', 32}},   {"u64", {'u', 64}},  {"s8", {'s', 8}},
    {"s16", {'s', 16}},  {"s32", {'s', 32}}, {"s64", {'s', 64}},   {"f32", {'f', 32}},  {"f64", {'f', 64}},
    {"pred", {'p', 1}},  {"f16", {'h', 16}}, {"f16x2", {'h', 32}}, {"bf16", {'h', 16}}, {"bf16x2", {'h', 32}},
    {"tf32", {'h', 32}},
};

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

bool is_space(std::string_view word, Space& space) {
    if (word == ".shared")
        space = Space::Shared;
    else if (word == ".local")
        space = Space::Local;
    else if (word == ".param")
        space = Space::Param;
    else if (word == ".const")
        space = Space::Const;
    else if (word == ".global")
        space = Space::Global;
    else
        return false;
    return true;
}

}  // namespace

bool parse_type(std::string_view name, Type& type) {
    for (const NamedType& known : kTypes) {
        if (known.name != name) continue;
        type = known.type;
        return true;
    }
    return false;
}

std::unique_ptr<Module> parse_module(std::string text) {
    auto module = std::make_unique<Module>();
    module->text = std::move(text);
    Parser(*module).parse();
    return module;
}

void Parser::parse() {
    while (lexer_.peek().kind != Token::Kind::End) {
        if (lexer_.accept(';')) continue;
        parse_directive(lexer_.expect_word());
    }
    place_globals();
}

void Parser::parse_directive(const Token& directive) {
    std::string_view word = directive.text;
    Space space;
    if (word == ".version") {
        std::string number(lexer_.take().text);
        char* rest = nullptr;
        module_.version = static_cast<unsigned>(std::strtoul(number.c_str(), &rest, 10)) * 10;
        if (*rest == '.') module_.version += static_cast<unsigned>(std::strtoul(rest + 1, nullptr, 10));
    } else if (word == ".target") {
        module_.target = lexer_.expect_word().text;
        lexer_.skip_line();
    } else if (word == ".address_size") {
        if (lexer_.take().text != "64") throw LoadError(directive.line, "only addresses of 64 bits are known");
    } else if (word == ".file") {
        lexer_.skip_line();
    } else if (word == ".section") {
        while (!lexer_.peek().is('{')) lexer_.take();
        while (!lexer_.peek().is('}')) lexer_.take();
        lexer_.take();
    } else if (word == ".pragma") {
        lexer_.take();
        lexer_.expect(';');
    } else if (word == ".visible" || word == ".weak" || word == ".common") {
        return;
    } else if (word == ".extern") {
        Token next = lexer_.expect_word();
        if (is_space(next.text, space)) {
            auto variable = parse_variable(space, true);
            module_.variables_by_name[variable->name] = variable.get();
            module_.variables.push_back(std::move(variable));
        } else {
            parse_directive(next);
        }
    } else if (word == ".entry" || word == ".func") {
        parse_function(word == ".entry");
    } else if (is_space(word, space)) {
        auto variable = parse_variable(space, false);
        module_.variables_by_name[variable->name] = variable.get();
        module_.variables.push_back(std::move(variable));
    } else {
        throw LoadError(directive.line, "unknown directive '" + std::string(word) + "'");
    }
}

unsigned Parser::parse_extent() {
    unsigned count = static_cast<unsigned>(parse_integer());
    while (lexer_.accept(',')) count *= static_cast<unsigned>(parse_integer());
    return count;
}

void Parser::parse_function_directive(const Token& directive) {
    std::string_view word = directive.text;
    if (word == ".maxntid") {
        function_->max_threads = parse_extent();
    } else if (word == ".reqntid") {
        function_->required_threads = function_->max_threads = parse_extent();
    } else if (word == ".maxnreg") {
        function_->max_registers = parse_extent();
    } else if (word == ".reqnctapercluster") {
        function_->cluster_threads = parse_extent();
    } else if (word == ".minnctapersm" || word == ".maxnctapersm" || word == ".maxclusterrank") {
        parse_extent();
    } else if (word == ".explicitcluster" || word == ".noreturn" || word == ".blocksareclusters") {
        return;
    } else if (word == ".pragma") {
        lexer_.take();
        lexer_.accept(';');
    } else {
        throw LoadError(directive.line, "unknown directive '" + std::string(word) + "' of a function");
    }
}

void Parser::parse_function(bool is_entry) {
    auto function = std::make_unique<Function>();
    function_ = function.get();
    function_->is_entry = is_entry;
    function_->line = lexer_.peek().line;
    scopes_.assign(1, {});
    scope_ = 0;
    pending_.clear();
    if (lexer_.accept('(')) parse_parameters(function_->returns, ')');
    function_->name = lexer_.expect_word().text;
    if (lexer_.accept('(')) parse_parameters(function_->parameters, ')');
    while (lexer_.peek().kind == Token::Kind::Word) parse_function_directive(lexer_.take());
    if (lexer_.accept('{')) {
        function_->has_body = true;
        parse_body();
        resolve_names();
    } else {
        lexer_.accept(';');
    }
    std::unique_ptr<Function>& known = module_.functions[function_->name];
    if (known == nullptr || function_->has_body) known = std::move(function);
    function_ = nullptr;
    scope_ = -1;
}

void Parser::parse_parameters(std::vector<const Variable*>& list, char end) {
    std::uint64_t offset = 0;
    while (!lexer_.accept(end)) {
        Token word = lexer_.expect_word();
        if (word.text == ".reg") throw LoadError(word.line, "parameters in registers are not known");
        Space space;
        if (!is_space(word.text, space) || space != Space::Param) throw LoadError(word.line, "'.param' expected");
        auto variable = parse_variable(Space::Param, false);
        variable->address = offset = round_up(offset, variable->alignment);
        offset += variable->bytes;
        scopes_[0].variables[variable->name] = variable.get();
        list.push_back(variable.get());
        function_->variables.push_back(std::move(variable));
        lexer_.accept(',');
    }
}

/// After the state space: .align N, a type, .ptr and what it says, a name, dimensions, a value. Ends before ',' ')' or after ';'.
std::unique_ptr<Variable> Parser::parse_variable(Space space, bool external) {
    auto variable = std::make_unique<Variable>();
    variable->space = space;
    variable->external = external;
    Type type;
    unsigned vector = 1, alignment = 0;
    bool typed = false;
    Token word = lexer_.expect_word();
    for (; word.text[0] == '.'; word = lexer_.expect_word()) {
        std::string_view name = word.text.substr(1);
        if (name == "align") {
            unsigned value = static_cast<unsigned>(parse_integer());
            // After .ptr it is the alignment of what is pointed to.
            if (!typed) alignment = value;
        } else if (name == "v2" || name == "v4") {
            vector = static_cast<unsigned>(name[1] - '0');
        } else if (name == "ptr" || name == "attribute" || (typed && (name == "global" || name == "shared" || name == "const"))) {
            if (name == "attribute") throw LoadError(word.line, ".attribute is not known");
        } else if (parse_type(name, type)) {
            typed = true;
        } else {
            throw LoadError(word.line, "unknown '" + std::string(word.text) + "' in a declaration");
        }
    }
    variable->name = word.text;
    if (!typed) throw LoadError(word.line, "'" + variable->name + "' has no type");
    std::uint64_t count = vector;
    bool open = false;
    while (lexer_.accept('[')) {
        if (lexer_.accept(']')) {
            open = true;
            continue;
        }
        count *= static_cast<std::uint64_t>(parse_integer());
        lexer_.expect(']');
    }
    variable->alignment = alignment != 0 ? alignment : type.bytes() * vector;
    if (count * type.bytes() > (1u << 30)) throw LoadError(word.line, "'" + variable->name + "' is too large");
    variable->bytes = open ? 0 : static_cast<std::uint32_t>(count * type.bytes());
    if (lexer_.accept('=')) parse_initial(*variable, type);
    if (open && space != Space::Shared) variable->bytes = static_cast<std::uint32_t>(variable->initial.size());
    return variable;
}

void Parser::parse_initial(Variable& variable, const Type& type) {
    unsigned depth = 0;
    do {
        while (lexer_.accept('{')) depth++;
        std::uint64_t bits = 0;
        if (lexer_.peek().kind == Token::Kind::Word) {
            address_initials_.push_back({&variable, {variable.initial.size(), lexer_.take().text}});
        } else {
            bool is_float;
            std::uint8_t float_bits;
            bits = parse_number(is_float, float_bits);
            if (is_float && float_bits == 0 && type.bits == 32) {
                bits = std::bit_cast<std::uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
            }
        }
        for (unsigned i = 0; i < type.bytes(); i++) variable.initial.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
        while (depth > 0 && lexer_.accept('}')) depth--;
        if (depth == 0) break;
    } while (lexer_.accept(','));
}

void Parser::place_globals() {
    std::uint64_t offset = 0;
    for (auto& variable : module_.variables) {
        if (variable->space == Space::Shared) continue;
        variable->address = offset = round_up(offset, std::max<std::uint64_t>(variable->alignment, 16));
        offset += variable->bytes;
    }
    module_.storage.assign(offset / 8 + 4, 0);
    module_.storage_bytes = offset;
    std::uint64_t base = round_up(reinterpret_cast<std::uint64_t>(module_.storage.data()), 16);
    for (auto& variable : module_.variables) {
        if (variable->space == Space::Shared) continue;
        variable->address += base;
        variable->initial.resize(variable->bytes);
        if (variable->bytes > 0)
            std::memcpy(reinterpret_cast<void*>(variable->address), variable->initial.data(), variable->bytes);
    }
    for (const auto& [variable, place] : address_initials_) {
        auto target = module_.variables_by_name.find(place.second);
        if (target == module_.variables_by_name.end()) throw LoadError(0, "'" + std::string(place.second) + "' is not known");
        std::memcpy(reinterpret_cast<void*>(variable->address + place.first), &target->second->address, 8);
    }
}

void Parser::parse_body() {
    int depth = 1;
    while (depth > 0) {
        Token token = lexer_.take();
        if (token.kind == Token::Kind::End) throw LoadError(token.line, "the function has no end");
        if (token.is(';')) continue;
        if (token.is('{')) {
            scopes_.push_back({scope_, {}, {}, {}, {}});
            scope_ = static_cast<int>(scopes_.size()) - 1;
            depth++;
        } else if (token.is('}')) {
            scope_ = scopes_[static_cast<std::size_t>(scope_)].parent;
            depth--;
        } else if (token.is('@')) {
            parse_statement(token);
        } else if (token.kind != Token::Kind::Word) {
            throw LoadError(token.line, "an instruction expected before '" + std::string(token.text) + "'");
        } else if (token.text[0] == '.') {
            parse_body_directive(token);
        } else if (lexer_.accept(':')) {
            scopes_[static_cast<std::size_t>(scope_)].labels[token.text] = static_cast<int>(function_->labels.size());
            function_->labels.push_back(static_cast<std::uint32_t>(function_->statements.size()));
        } else {
            parse_statement(token);
        }
    }
}

void Parser::parse_body_directive(const Token& directive) {
    Space space;
    if (directive.text == ".reg") {
        parse_registers();
    } else if (is_space(directive.text, space)) {
        do {
            auto variable = parse_variable(space, false);
            scopes_[static_cast<std::size_t>(scope_)].variables[variable->name] = variable.get();
            function_->variables.push_back(std::move(variable));
        } while (lexer_.accept(','));
        lexer_.expect(';');
    } else if (directive.text == ".loc") {
        lexer_.skip_line();
    } else if (directive.text == ".pragma") {
        lexer_.take();
        lexer_.expect(';');
    } else {
        throw LoadError(directive.line, "unknown directive '" + std::string(directive.text) + "' in a function");
    }
}

void Parser::parse_registers() {
    Token word = lexer_.expect_word();
    Type type;
    if (!parse_type(word.text.substr(1), type)) throw LoadError(word.line, "registers of type '" + std::string(word.text) + "'");
    if (type.bits == 128) throw LoadError(word.line, "registers of 128 bits are not known");
    Scope& scope = scopes_[static_cast<std::size_t>(scope_)];
    do {
        Token name = lexer_.expect_word();
        int first = static_cast<int>(function_->registers.size());
        if (lexer_.accept('<')) {
            auto count = parse_integer();
            if (count < 0 || count > 1 << 20) throw LoadError(name.line, "so many registers");
            lexer_.expect('>');
            scope.ranges[name.text] = {first, static_cast<int>(count)};
            function_->registers.insert(function_->registers.end(), static_cast<std::size_t>(count), type);
        } else {
            scope.registers[name.text] = first;
            function_->registers.push_back(type);
        }
    } while (lexer_.accept(','));
    lexer_.expect(';');
}

const Opcode* Parser::opcode(std::string_view text) {
    std::unique_ptr<Opcode>& known = module_.opcodes[text];
    if (known != nullptr) return known.get();
    known = std::make_unique<Opcode>();
    known->text = text;
    for (std::string_view rest = known->text; !rest.empty();) {
        std::size_t dot = rest.find('.');
        known->parts.push_back(rest.substr(0, dot));
        rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    }
    return known.get();
}

void Parser::parse_statement(Token first) {
    Statement statement;
    if (first.is('@')) {
        statement.guard_negated = lexer_.accept('!');
        Token name = lexer_.expect_word();
        if (!find_register(name.text, statement.guard))
            throw LoadError(name.line, "'" + std::string(name.text) + "' is no register");
        first = lexer_.expect_word();
    }
    statement.line = first.line;
    statement.opcode = opcode(first.text);
    if (!lexer_.accept(';')) {
        do {
            Operand operand = parse_operand();
            if (operand.kind == Operand::Kind::Name)
                pending_.push_back({function_->statements.size(), statement.operands.size(), scope_});
            statement.operands.push_back(std::move(operand));
        } while (lexer_.accept(','));
        lexer_.expect(';');
    }
    function_->statements.push_back(std::move(statement));
}

void Parser::resolve_names() {
    for (const PendingName& name : pending_) {
        Operand& operand = function_->statements[name.statement].operands[name.operand];
        for (int scope = name.scope; scope >= 0; scope = scopes_[static_cast<std::size_t>(scope)].parent) {
            const Scope& here = scopes_[static_cast<std::size_t>(scope)];
            if (auto label = here.labels.find(operand.text); label != here.labels.end()) {
                operand.label = label->second;
                break;
            }
        }
    }
}

}  // namespace emu::ptx
