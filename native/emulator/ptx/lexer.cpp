#include "emulator/ptx/lexer.h"

#include <cctype>
#include <string>

#include "emulator/ptx/syntax.h"

namespace emu::ptx {
namespace {

bool in_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '%' || c == '.';
}

}  // namespace

void Lexer::skip_blank() {
    while (position_ < text_.size()) {
        char c = text_[position_];
        if (c == '\n') {
            line_++;
            position_++;
        } else if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == '\0') {
            position_++;
        } else if (text_.substr(position_, 2) == "//") {
            while (position_ < text_.size() && text_[position_] != '\n') position_++;
        } else if (text_.substr(position_, 2) == "/*") {
            std::size_t end = text_.find("*/", position_);
            if (end == std::string_view::npos) throw LoadError(line_, "a comment has no end");
            for (; position_ < end + 2; position_++) line_ += text_[position_] == '\n' ? 1 : 0;
        } else {
            return;
        }
    }
}

void Lexer::advance() {
    skip_blank();
    next_ = {Token::Kind::End, {}, line_};
    if (position_ >= text_.size()) return;
    std::size_t start = position_;
    char c = text_[start];
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
        next_.kind = Token::Kind::Number;
        while (position_ < text_.size() && in_word(text_[position_])) {
            char last = text_[position_++];
            bool exponent = (last == 'e' || last == 'E') && text_[start] != '0' && position_ < text_.size();
            if (exponent && (text_[position_] == '-' || text_[position_] == '+')) position_++;
        }
    } else if (in_word(c)) {
        next_.kind = Token::Kind::Word;
        // Two colons belong to a modifier (shared::cta); one ends a label.
        while (position_ < text_.size()) {
            if (in_word(text_[position_])) {
                position_++;
            } else if (text_.substr(position_, 2) == "::") {
                position_ += 2;
            } else {
                break;
            }
        }
    } else if (c == '"') {
        next_.kind = Token::Kind::String;
        std::size_t end = text_.find('"', start + 1);
        if (end == std::string_view::npos) throw LoadError(line_, "a string has no end");
        position_ = end + 1;
    } else {
        next_.kind = Token::Kind::Sign;
        position_++;
    }
    next_.text = text_.substr(start, position_ - start);
}

Token Lexer::take() {
    Token token = next_;
    taken_line_ = token.line;
    advance();
    return token;
}

bool Lexer::accept(char sign) {
    if (!next_.is(sign)) return false;
    take();
    return true;
}

Token Lexer::expect(char sign) {
    if (next_.is(sign)) return take();
    throw LoadError(next_.line, std::string("'") + sign + "' expected before '" + std::string(next_.text) + "'");
}

Token Lexer::expect_word() {
    if (next_.kind == Token::Kind::Word) return take();
    throw LoadError(next_.line, "a name expected before '" + std::string(next_.text) + "'");
}

void Lexer::skip_line() {
    while (next_.kind != Token::Kind::End && next_.line == taken_line_) take();
}

}  // namespace emu::ptx
