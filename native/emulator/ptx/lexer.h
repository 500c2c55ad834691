// Splits PTX into words, numbers and signs.
#pragma once

#include <string_view>

namespace emu::ptx {

struct Token {
    enum class Kind { End, Word, Number, String, Sign };
    Kind kind = Kind::End;
    std::string_view text;
    int line = 0;
    bool is(char sign) const { return kind == Kind::Sign && text[0] == sign; }
    bool is(std::string_view word) const { return kind == Kind::Word && text == word; }
};

class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) { advance(); }

    const Token& peek() const { return next_; }
    Token take();
    bool accept(char sign);
    Token expect(char sign);
    Token expect_word();
    /// Skips to the end of the line that the last taken token stands in.
    void skip_line();

private:
    void advance();
    void skip_blank();

    std::string_view text_;
    std::size_t position_ = 0;
    int line_ = 1, taken_line_ = 1;
    Token next_;
};

}  // namespace emu::ptx
