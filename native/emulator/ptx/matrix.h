// Elements of matrix operands.
#pragma once

#include <cstdint>
#include <string_view>

namespace emu::ptx {

enum class Element : std::uint8_t { Bf16, F16, Tf32, S8, U8, E4m3, E5m2 };

bool parse_element(std::string_view name, Element& element);
unsigned element_bits(Element element);
float element_value(Element element, std::uint32_t bits);

}  // namespace emu::ptx
