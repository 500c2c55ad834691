// mma.sync, ldmatrix, stmatrix.
#include "emulator/ptx/matrix.h"

#include <bit>
#include <cstring>

#include "emulator/ptx/address.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"
#include "emulator/tile_product.h"

namespace emu::ptx {

float narrow_float(std::uint32_t bits, unsigned exponent_bits, unsigned fraction_bits) {
    const std::uint32_t fraction = bits & ((1u << fraction_bits) - 1),
                        exponent = bits >> fraction_bits & ((1u << exponent_bits) - 1);
    const bool negative = (bits >> (exponent_bits + fraction_bits) & 1) != 0;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const bool last = exponent == (1u << exponent_bits) - 1;
    // e4m3 has no infinities: only all ones is NaN. e5m2 is like IEEE.
    if (exponent_bits == 4 ? last && fraction == (1u << fraction_bits) - 1 : last && fraction != 0) return __builtin_nanf("");
    if (exponent_bits == 5 && last) return negative ? -__builtin_inff() : __builtin_inff();
    float value = exponent == 0 ? __builtin_ldexpf(static_cast<float>(fraction), 1 - bias - static_cast<int>(fraction_bits))
                                : __builtin_ldexpf(static_cast<float>(fraction + (1u << fraction_bits)),
                                                   static_cast<int>(exponent) - bias - static_cast<int>(fraction_bits));
    return negative ? -value : value;
}

bool parse_element(std::string_view name, Element& element) {
    constexpr std::string_view kNames[] = {"bf16", "f16", "tf32", "s8", "u8", "e4m3", "e5m2"};
    for (std::size_t i = 0; i < std::size(kNames); i++) {
        if (kNames[i] != name) continue;
        element = static_cast<Element>(i);
        return true;
    }
    return false;
}

unsigned element_bits(Element element) {
    constexpr unsigned kBits[] = {16, 16, 32, 8, 8, 8, 8};
    return kBits[static_cast<unsigned>(element)];
}

float element_value(Element element, std::uint32_t bits) {
    switch (element) {
        case Element::Bf16:
            return std::bit_cast<float>(bits << 16);
        case Element::F16:
            return to_float(Half{static_cast<std::uint16_t>(bits)});
        case Element::Tf32:
            return std::bit_cast<float>(bits & 0xFFFFE000u);
        case Element::S8:
            return static_cast<float>(static_cast<std::int8_t>(bits));
        case Element::U8:
            return static_cast<float>(bits & 0xFF);
        case Element::E4m3:
            return narrow_float(bits, 4, 3);
        case Element::E5m2:
            return narrow_float(bits, 5, 2);
    }
    return 0;
}

namespace {

/// list: results, a, b, accumulators. mode: element of a, of b in the next bits. immediate: registers of a and b, format of d.
template <Element kA, Element kB, typename Sum>
void run_mma(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.require_aligned(i, lanes);
    if (warp.present != kAllLanes) report(warp, 0, Defect::DivergentWarp, "a matrix product in a warp of fewer than 32 threads");
    warp.synchronise_lanes(lanes);
    constexpr unsigned kBits = kA == Element::Tf32 ? 32 : kA == Element::Bf16 || kA == Element::F16 ? 16 : 8, kPer = 32 / kBits;
    const unsigned a_count = i.immediate & 0xFF, b_count = i.immediate >> 8 & 0xFF;
    const int depth = static_cast<int>(kPer * 4 * b_count);
    constexpr std::uint32_t kElementMask = kBits == 32 ? ~0u : (1u << kBits) - 1;
    alignas(32) float a[16 * 32], b[32][8];
    alignas(32) Sum d[16][8];
    const Slot* slots = i.list + 4;
    for (unsigned r = 0; r < a_count; r++) {
        const auto* words = warp.in<std::uint32_t>(slots[r]);
        for (unsigned lane = 0; lane < kWarpLanes; lane++) {
            const unsigned row = lane / 4 + 8 * (r % 2), k = kPer * (lane % 4) + (r / 2) * 4 * kPer;
            for (unsigned q = 0; q < kPer; q++) {
                a[row * static_cast<unsigned>(depth) + k + q] = element_value(kA, words[lane] >> (kBits * q % 32) & kElementMask);
            }
        }
    }
    slots += a_count;
    for (unsigned r = 0; r < b_count; r++) {
        const auto* words = warp.in<std::uint32_t>(slots[r]);
        for (unsigned lane = 0; lane < kWarpLanes; lane++) {
            const unsigned k = kPer * (lane % 4) + r * 4 * kPer;
            for (unsigned q = 0; q < kPer; q++)
                b[k + q][lane / 4] = element_value(kB, words[lane] >> (kBits * q % 32) & kElementMask);
        }
    }
    slots += b_count;
    const bool halves = (i.immediate >> 16 & 0xFF) != 0;
    auto each = [&](auto visit) {
        for (unsigned r = 0; r < 4; r++) {
            for (unsigned lane = 0; lane < kWarpLanes; lane++) visit(r, lane, d[lane / 4 + 8 * (r / 2)][2 * (lane % 4) + r % 2]);
        }
    };
    each([&](unsigned r, unsigned lane, Sum& value) {
        if (halves)
            value = static_cast<Sum>(
                to_float(Half{static_cast<std::uint16_t>(warp.in<std::uint32_t>(slots[r / 2])[lane] >> (16 * (r % 2)))}));
        else
            value = std::bit_cast<Sum>(warp.in<std::uint32_t>(slots[r])[lane]);
    });
    if constexpr (std::is_same_v<Sum, float>) {
        multiply_tile(reinterpret_cast<Eight*>(d), a, reinterpret_cast<const Eight*>(b), depth);
    } else {
        for (unsigned row = 0; row < 16; row++) {
            for (unsigned column = 0; column < 8; column++) {
                for (int k = 0; k < depth; k++) {
                    d[row][column] += static_cast<Sum>(a[row * static_cast<unsigned>(depth) + static_cast<unsigned>(k)]) *
                                      static_cast<Sum>(b[k][column]);
                }
            }
        }
    }
    each([&](unsigned r, unsigned lane, Sum& value) {
        if (!halves) {
            warp.out<std::uint32_t>(i.list[r])[lane] = std::bit_cast<std::uint32_t>(value);
            return;
        }
        std::uint32_t& word = warp.out<std::uint32_t>(i.list[r / 2])[lane];
        const std::uint32_t bits = to_half(static_cast<float>(value)).bits;
        word = r % 2 == 0 ? bits : (word & 0xFFFF) | bits << 16;
    });
}

Handler choose_mma(Element a, Element b) {
    if (a == Element::Bf16 && b == a) return &run_mma<Element::Bf16, Element::Bf16, float>;
    if (a == Element::F16 && b == a) return &run_mma<Element::F16, Element::F16, float>;
    if (a == Element::Tf32 && b == a) return &run_mma<Element::Tf32, Element::Tf32, float>;
    if (a == Element::S8 && b == a) return &run_mma<Element::S8, Element::S8, std::int32_t>;
    if (a == Element::U8 && b == a) return &run_mma<Element::U8, Element::U8, std::int32_t>;
    if (a == Element::U8 && b == Element::S8) return &run_mma<Element::U8, Element::S8, std::int32_t>;
    if (a == Element::S8 && b == Element::U8) return &run_mma<Element::S8, Element::U8, std::int32_t>;
    if (a == Element::E4m3 && b == a) return &run_mma<Element::E4m3, Element::E4m3, float>;
    if (a == Element::E5m2 && b == a) return &run_mma<Element::E5m2, Element::E5m2, float>;
    if (a == Element::E4m3 && b == Element::E5m2) return &run_mma<Element::E4m3, Element::E5m2, float>;
    if (a == Element::E5m2 && b == Element::E4m3) return &run_mma<Element::E5m2, Element::E4m3, float>;
    return nullptr;
}

void translate_mma(Translator& t, const Statement& s, Modifiers& m) {
    if (!m.take("sync") || !m.take("aligned") || !m.take("row") || !m.take("col")) m.unknown();
    std::string_view shape = m.take_one({"m16n8k4", "m16n8k8", "m16n8k16", "m16n8k32"});
    std::string_view c_name = m.take_last(), b_name = m.take_last(), a_name = m.take_last(), d_name = m.take_last();
    m.finish();
    Element a, b;
    if (shape.empty() || !parse_element(a_name, a) || !parse_element(b_name, b) || c_name != d_name) m.unknown();
    const bool integers = a == Element::S8 || a == Element::U8, halves = d_name == "f16";
    if (integers ? d_name != "s32" : d_name != "f32" && !(halves && a == Element::F16)) m.unknown();
    const unsigned depth = static_cast<unsigned>(std::stoul(std::string(shape.substr(6)))), per = 32 / element_bits(a);
    const unsigned b_count = depth / (4 * per), a_count = 2 * b_count;
    Handler handler = choose_mma(a, b);
    if (handler == nullptr || b_count < 1 || b_count > 2 || s.operands.size() != 4) m.unknown();
    const std::size_t sums = halves ? 2 : 4;
    if (s.operands[0].items.size() != sums || s.operands[1].items.size() != a_count || s.operands[3].items.size() != sums) {
        t.fail("another number of registers");
    }
    std::vector<Slot> slots(4);
    for (const Operand& item : s.operands[1].items) slots.push_back(t.in_bits(item, 32));
    if (s.operands[2].kind == Operand::Kind::Vector) {
        for (const Operand& item : s.operands[2].items) slots.push_back(t.in_bits(item, 32));
    } else {
        slots.push_back(t.in_bits(s.operands[2], 32));
    }
    if (slots.size() != 4 + a_count + b_count) t.fail("another number of registers");
    for (const Operand& item : s.operands[3].items) slots.push_back(t.in_bits(item, 32));
    for (std::size_t r = 0; r < sums; r++) slots[r] = t.out_bits(s.operands[0].items[r], 32);
    const Slot* list = t.list(slots);
    Instruction& i = t.add(handler);
    i.list = list;
    i.immediate = a_count | b_count << 8 | (halves ? 1u : 0u) << 16;
}

/// mode bits 0-2: matrices; bit 3: transposed. list: registers.
template <bool kLoad>
void run_matrices(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.require_aligned(i, lanes);
    warp.synchronise_lanes(lanes);
    const unsigned matrices = i.mode & 7;
    const bool transposed = (i.mode & 8) != 0;
    std::uint64_t addresses[kWarpLanes];
    lane_addresses(warp, i, lanes, addresses);
    alignas(16) std::uint8_t rows[kWarpLanes][16];
    SharedWindow& shared = warp.cta->shared;
    if constexpr (kLoad) {
        for (unsigned lane = 0; lane < 8 * matrices; lane++) {
            std::memcpy(rows[lane], shared.read<16>(warp, lane, static_cast<std::uint32_t>(addresses[lane] & kOffsetMask)), 16);
        }
    }
    for (unsigned matrix = 0; matrix < matrices; matrix++) {
        auto* words = warp.out<std::uint32_t>(i.list[matrix]);
        for (unsigned lane = 0; lane < kWarpLanes; lane++) {
            if (!transposed) {
                std::uint8_t* at = rows[8 * matrix + lane / 4] + 4 * (lane % 4);
                if constexpr (kLoad)
                    std::memcpy(&words[lane], at, 4);
                else
                    std::memcpy(at, &words[lane], 4);
                continue;
            }
            for (unsigned half = 0; half < 2; half++) {
                std::uint8_t* at = rows[8 * matrix + 2 * (lane % 4) + half] + 2 * (lane / 4);
                auto* part = reinterpret_cast<std::uint8_t*>(&words[lane]) + 2 * half;
                if constexpr (kLoad)
                    std::memcpy(part, at, 2);
                else
                    std::memcpy(at, part, 2);
            }
        }
    }
    if constexpr (!kLoad) {
        for (unsigned lane = 0; lane < 8 * matrices; lane++)
            shared.check_write<16>(warp, lane, static_cast<std::uint32_t>(addresses[lane] & kOffsetMask));
        for (unsigned lane = 0; lane < 8 * matrices; lane++) {
            const auto offset = static_cast<std::uint32_t>(addresses[lane] & kOffsetMask);
            std::memcpy(shared.data() + offset, rows[lane], 16);
            shared.note_write<16>(warp, lane, offset);
        }
    }
}

void translate_matrices(Translator& t, const Statement& s, Modifiers& m) {
    const bool load = s.opcode->parts[0][0] == 'l';
    if (!m.take("sync") || !m.take("aligned") || !m.take("m8n8") || !m.take("b16")) m.unknown();
    std::string_view count = m.take_one({"x1", "x2", "x4"});
    const bool transposed = m.take("trans");
    m.take_one({"shared", "shared::cta"});
    m.finish();
    if (count.empty()) m.unknown();
    const auto matrices = static_cast<std::size_t>(count[1] - '0');
    const Operand& registers = s.operands.at(load ? 0 : 1);
    if (registers.items.size() != matrices && !(matrices == 1 && registers.kind == Operand::Kind::Register))
        t.fail("another number of registers");
    const Address address = t.address(s.operands.at(load ? 1 : 0));
    std::vector<Slot> slots;
    for (std::size_t r = 0; r < matrices; r++) {
        const Operand& item = registers.kind == Operand::Kind::Register ? registers : registers.items[r];
        slots.push_back(load ? t.out_bits(item, 32) : t.in_bits(item, 32));
    }
    const Slot* list = t.list(slots);
    Instruction& i = t.add(load ? &run_matrices<true> : &run_matrices<false>);
    i.list = list;
    i.mode = static_cast<std::uint16_t>(matrices | (transposed ? 8 : 0));
    set_address(i, address);
}

}  // namespace

void add_matrix(TranslateTable& table) {
    table["mma"] = &translate_mma;
    table["ldmatrix"] = &translate_matrices;
    table["stmatrix"] = &translate_matrices;
}

}  // namespace emu::ptx
