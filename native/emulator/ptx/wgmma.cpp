#include "emulator/ptx/wgmma.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "emulator/ptx/address.h"
#include "emulator/ptx/matrix.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"
#include "emulator/tile_product.h"
#include "emulator/wgmma.h"

namespace emu::ptx {
namespace {

constexpr unsigned kWarpRows = 16, kMaxDepth = 32, kChunk = 16;

/// What the instruction says beside its operands; in `immediate`.
struct Shape {
    unsigned columns, depth;
    Element a, b;
    bool a_in_registers, a_transposed, b_transposed, a_negated, b_negated, integers, half_sums;

    std::uint64_t pack() const {
        return columns | depth << 10 | static_cast<unsigned>(a) << 16 | static_cast<unsigned>(b) << 20 |
               unsigned{a_in_registers} << 24 | unsigned{a_transposed} << 25 | unsigned{b_transposed} << 26 |
               unsigned{a_negated} << 27 | unsigned{b_negated} << 28 | unsigned{integers} << 29 | unsigned{half_sums} << 30;
    }
    static Shape unpack(std::uint64_t bits) {
        return {static_cast<unsigned>(bits & 0x3FF),
                static_cast<unsigned>(bits >> 10 & 0x3F),
                static_cast<Element>(bits >> 16 & 15),
                static_cast<Element>(bits >> 20 & 15),
                (bits >> 24 & 1) != 0,
                (bits >> 25 & 1) != 0,
                (bits >> 26 & 1) != 0,
                (bits >> 27 & 1) != 0,
                (bits >> 28 & 1) != 0,
                (bits >> 29 & 1) != 0,
                (bits >> 30 & 1) != 0};
    }
    unsigned registers() const { return columns / (half_sums ? 4 : 2); }
    unsigned a_registers() const { return depth * element_bits(a) / 64; }
};

/// Visits the 16-byte chunks of `rows` rows from `first` on of an operand: visit(offset, row, k) with the chunk's first element.
template <typename Visit>
void for_each_chunk(std::uint64_t descriptor, unsigned first, unsigned rows, unsigned depth, bool transposed, unsigned bytes,
                    Visit visit) {
    const MatrixDescriptor layout = MatrixDescriptor::decode(descriptor);
    const unsigned per = kChunk / bytes;
    if (transposed) {
        for (unsigned k = 0; k < depth; k++) {
            for (unsigned row = 0; row < rows; row += per) visit(layout.offset(first + row, k, true, bytes), row, k);
        }
    } else {
        for (unsigned row = 0; row < rows; row++) {
            for (unsigned k = 0; k < depth; k += per) visit(layout.offset(first + row, k, false, bytes), row, k);
        }
    }
}

void load_operand(Warp& warp, std::uint64_t descriptor, unsigned first, unsigned rows, unsigned depth, bool transposed,
                  Element element, bool negated, float* values, unsigned row_stride, unsigned k_stride) {
    const unsigned bytes = element_bits(element) / 8, per = kChunk / bytes;
    const std::uint8_t* shared = warp.cta->shared.data();
    for_each_chunk(descriptor, first, rows, depth, transposed, bytes, [&](std::uint32_t offset, unsigned row, unsigned k) {
        for (unsigned e = 0; e < per; e++) {
            std::uint32_t bits = 0;
            std::memcpy(&bits, shared + offset + e * bytes, bytes);
            const float value = element == Element::Bf16 ? std::bit_cast<float>(bits << 16) : element_value(element, bits);
            const unsigned at = transposed ? (row + e) * row_stride + k * k_stride : row * row_stride + (k + e) * k_stride;
            values[at] = negated ? -value : value;
        }
    });
}

/// Sums in half precision: two columns a register, rounded once for each instruction.
void multiply_half_tile(Warp& warp, const WgmmaProduct& product, unsigned tile, const float* a, const float* b, unsigned depth) {
    alignas(32) float d[kWarpRows][8];
    std::uint32_t* registers[2];
    for (unsigned r = 0; r < 2; r++) registers[r] = warp.out<std::uint32_t>(product.at->list[2 * tile + r]);
    auto each = [&](auto visit) {
        for (unsigned r = 0; r < 2; r++) {
            for (unsigned lane = 0; lane < kWarpLanes; lane++) {
                float* pair = &d[lane / 4 + 8 * r][2 * (lane % 4)];
                visit(registers[r][lane], pair[0], pair[1]);
            }
        }
    };
    each([&](std::uint32_t word, float& low, float& high) {
        low = product.accumulate ? to_float(Half{static_cast<std::uint16_t>(word)}) : 0.0f;
        high = product.accumulate ? to_float(Half{static_cast<std::uint16_t>(word >> 16)}) : 0.0f;
    });
    multiply_tile(reinterpret_cast<Eight*>(d), a, reinterpret_cast<const Eight*>(b), static_cast<int>(depth));
    each([](std::uint32_t& word, float low, float high) { word = to_half(low).bits | std::uint32_t{to_half(high).bits} << 16; });
}

void compute(Warp& warp, const WgmmaProduct& product) {
    const Instruction& i = *product.at;
    const Shape shape = Shape::unpack(i.immediate);
    const unsigned depth = shape.depth;
    alignas(32) float a[kWarpRows * kMaxDepth];
    thread_local std::vector<float> storage;
    storage.resize(256 * kMaxDepth + 8);
    float* b = reinterpret_cast<float*>((reinterpret_cast<std::uintptr_t>(storage.data()) + 31) / 32 * 32);
    const unsigned first = warp.index % 4 * kWarpRows;
    if (shape.a_in_registers) {
        const unsigned bits = element_bits(shape.a), per = 32 / bits;
        for (unsigned r = 0; r < shape.a_registers(); r++) {
            for (unsigned lane = 0; lane < kWarpLanes; lane++) {
                const std::uint32_t word = product.a_words[r * kWarpLanes + lane];
                const unsigned row = lane / 4 + 8 * (r % 2), k = per * (lane % 4) + (r / 2) * 4 * per;
                for (unsigned q = 0; q < per; q++) {
                    const std::uint32_t element = bits == 32 ? word : word >> (bits * q) & ((1u << bits) - 1);
                    const float value = element_value(shape.a, element);
                    a[row * depth + k + q] = shape.a_negated ? -value : value;
                }
            }
        }
    } else {
        load_operand(warp, product.a, first, kWarpRows, depth, shape.a_transposed, shape.a, shape.a_negated, a, depth, 1);
    }
    // B by tiles of eight columns: [tile][k][8].
    for (unsigned tile = 0; tile < shape.columns / 8; tile++) {
        load_operand(warp, product.b, 8 * tile, 8, depth, shape.b_transposed, shape.b, shape.b_negated, b + tile * depth * 8, 1,
                     8);
    }
    for (unsigned tile = 0; tile < shape.columns / 8; tile++) {
        alignas(32) float d[kWarpRows][8];
        if (shape.half_sums) {
            multiply_half_tile(warp, product, tile, a, b + tile * depth * 8, depth);
            continue;
        }
        std::uint32_t* registers[4];
        for (unsigned r = 0; r < 4; r++) registers[r] = warp.out<std::uint32_t>(i.list[4 * tile + r]);
        if (shape.integers) {
            for (unsigned r = 0; r < 4; r++) {
                for (unsigned lane = 0; lane < kWarpLanes; lane++) {
                    const unsigned row = lane / 4 + 8 * (r / 2), column = 2 * (lane % 4) + r % 2;
                    auto sum = product.accumulate ? static_cast<std::int32_t>(registers[r][lane]) : 0;
                    for (unsigned k = 0; k < depth; k++) {
                        sum += static_cast<std::int32_t>(a[row * depth + k]) *
                               static_cast<std::int32_t>(b[(tile * depth + k) * 8 + column]);
                    }
                    registers[r][lane] = static_cast<std::uint32_t>(sum);
                }
            }
            continue;
        }
        for (unsigned r = 0; r < 4; r++) {
            for (unsigned lane = 0; lane < kWarpLanes; lane++) {
                d[lane / 4 + 8 * (r / 2)][2 * (lane % 4) + r % 2] =
                    product.accumulate ? std::bit_cast<float>(registers[r][lane]) : 0.0f;
            }
        }
        multiply_tile(reinterpret_cast<Eight*>(d), a, reinterpret_cast<const Eight*>(b + tile * depth * 8),
                      static_cast<int>(depth));
        for (unsigned r = 0; r < 4; r++) {
            for (unsigned lane = 0; lane < kWarpLanes; lane++) {
                registers[r][lane] = std::bit_cast<std::uint32_t>(d[lane / 4 + 8 * (r / 2)][2 * (lane % 4) + r % 2]);
            }
        }
    }
}

}  // namespace

void WgmmaQueue::start(const Program& program) {
    pending.clear();
    committed = 0;
    changed.assign(program.wgmma_register_count, 0);
    time = 1;
    fenced = 0;
}

void WgmmaQueue::commit() {
    committed++;
    for (WgmmaProduct& product : pending) {
        if (product.group == 0) product.group = committed;
    }
}

void WgmmaQueue::compute_until(Warp& warp, std::uint32_t group) {
    for (WgmmaProduct& product : pending) {
        if (product.group == 0 || product.group > group || product.computed) continue;
        compute(warp, product);
        for (const auto& [offset, bytes] : product.uses) warp.cta->shared.add_use(offset, bytes, -1);
        product.computed = true;
    }
}

void WgmmaQueue::forget_until(std::uint32_t group) {
    std::erase_if(pending, [&](const WgmmaProduct& product) { return product.group != 0 && product.group <= group; });
}

void WgmmaQueue::check_finished(Warp& warp) {
    if (pending.empty()) return;
    warp.current = pending.front().at;
    report(warp, 0, Defect::WgmmaNotWaited, "the warp ends without waiting for a wgmma that it issued here");
}

void WgmmaQueue::check_registers(Warp& warp, const Instruction& instruction) {
    const Program& program = *warp.cta->cluster->work->program;
    const auto number = static_cast<std::size_t>(instruction.number);
    const Accesses& here = program.accesses[number];
    const bool is_product = program.opcodes[number]->rfind("wgmma", 0) == 0;
    auto touches = [&](const std::vector<std::int32_t>& registers, const std::vector<std::int32_t>& owned) {
        for (std::int32_t reg : registers) {
            if (program.wgmma_registers[static_cast<std::size_t>(reg)] < 0) continue;
            for (std::int32_t other : owned) {
                if (reg == other) return true;
            }
        }
        return false;
    };
    for (const WgmmaProduct& product : pending) {
        const Accesses& owned = program.accesses[static_cast<std::size_t>(product.at->number)];
        // A product may go on with the accumulators of the one before it.
        if (is_product) continue;
        if (touches(here.reads, owned.writes) || touches(here.writes, owned.writes)) {
            report(warp, 0, Defect::WgmmaNotWaited,
                   "an accumulator of the wgmma at PTX line %d is touched before its group has been waited for",
                   product.at->line);
        }
        if (touches(here.writes, owned.reads)) {
            report(warp, 0, Defect::WgmmaNotWaited,
                   "an operand register of the wgmma at PTX line %d is changed before its group has been waited for",
                   product.at->line);
        }
    }
}

namespace {

/// Whether the block leaves a clock of its own to each warpgroup's products. Larger ones, of 1024 threads, count their reads as
/// the issuing warps' own.
bool has_reader_clock(const Cta& cta) {
    return cta.warp_count <= SharedWindow::reader_warp(cta.warp_count - 1);
}

/// Who reads the operands of a product: the warpgroup, at a time that counts its groups.
Epoch operand_reader(const Warp& warp, std::uint32_t group) {
    if (!has_reader_clock(*warp.cta)) return warp.epoch(0);
    return make_epoch(SharedWindow::reader_warp(warp.index) * kWarpLanes, std::min(group, kEpochTimeMask - 1));
}

void run_product(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.require_aligned(i, lanes);
    if (warp.present != kAllLanes || warp.cta->warp_count < (warp.index / 4 + 1) * 4) {
        report(warp, 0, Defect::DivergentWarp, "wgmma in a warpgroup of fewer than 128 threads");
    }
    WgmmaQueue& queue = *warp.wgmma;
    const Program& program = *warp.cta->cluster->work->program;
    const Accesses& accesses = program.accesses[static_cast<std::size_t>(i.number)];
    for (const auto* registers : {&accesses.writes, &accesses.reads}) {
        for (std::int32_t reg : *registers) {
            const std::int32_t index = program.wgmma_registers[static_cast<std::size_t>(reg)];
            if (index < 0) continue;
            if (queue.fenced == 0 || queue.changed[static_cast<std::size_t>(index)] > queue.fenced) {
                report(warp, 0, Defect::WgmmaFenceMissing,
                       "registers of the wgmma were touched after the warp's last wgmma.fence");
            }
        }
    }
    const Shape shape = Shape::unpack(i.immediate);
    WgmmaProduct product;
    product.at = &i;
    product.time = warp.times[0];
    const Epoch reader = operand_reader(warp, queue.committed + 1);
    product.accumulate = (warp.predicate(i.c) & lanes) != 0;
    const std::uint64_t b = warp.in<std::uint64_t>(i.b)[0];
    product.b = b;
    auto require_uniform = [&](Slot slot, std::uint64_t value) {
        const auto* values = warp.in<std::uint64_t>(slot);
        for_lanes(lanes, [&](unsigned lane) {
            if (values[lane] != value)
                report(warp, lane, Defect::DivergentWarp, "the lanes disagree about a descriptor of wgmma");
        });
    };
    require_uniform(i.b, b);
    const std::uint32_t chosen = warp.predicate(i.c) & lanes;
    if (chosen != 0 && chosen != lanes)
        report(warp, 0, Defect::DivergentWarp, "the lanes disagree about the accumulation of wgmma");
    for (std::int32_t reg : accesses.writes) {
        const std::int32_t index = program.tracked_index[static_cast<std::size_t>(reg)];
        if (!product.accumulate || index < 0) continue;
        if (const std::uint32_t missing = lanes & ~warp.defined[static_cast<std::size_t>(index)]; missing != 0) {
            report(warp, static_cast<unsigned>(std::countr_zero(missing)), Defect::UnwrittenRegisterRead,
                   "the product adds to an accumulator that the lane has never written");
        }
    }
    auto use = [&](std::uint64_t descriptor, unsigned first, unsigned rows, bool transposed, Element element) {
        if ((descriptor >> 49 & 7) != 0)
            report(warp, 0, Defect::MisalignedAccess, "a matrix descriptor with a base offset is not known");
        for_each_chunk(descriptor, first, rows, shape.depth, transposed, element_bits(element) / 8,
                       [&](std::uint32_t offset, unsigned, unsigned) {
                           warp.cta->shared.check_async_read(warp, 0, offset, kChunk, kChunk, reader);
                           warp.cta->shared.add_use(offset, kChunk, 1);
                           product.uses.emplace_back(offset, kChunk);
                       });
    };
    if (shape.a_in_registers) {
        for (unsigned r = 0; r < shape.a_registers(); r++) {
            const auto* words = warp.in<std::uint32_t>(i.list[shape.registers() + r]);
            product.a_words.insert(product.a_words.end(), words, words + kWarpLanes);
        }
    } else {
        product.a = warp.in<std::uint64_t>(i.a)[0];
        require_uniform(i.a, product.a);
        use(product.a, warp.index % 4 * kWarpRows, kWarpRows, shape.a_transposed, shape.a);
    }
    use(b, 0, shape.columns, shape.b_transposed, shape.b);
    queue.pending.push_back(std::move(product));
    warp.stop = true;  // from here on the registers in flight are watched
}

void run_fence(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.require_aligned(i, lanes);
    if (warp.wgmma != nullptr) warp.wgmma->fenced = warp.wgmma->time;
}

void run_commit(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.require_aligned(i, lanes);
    if (warp.wgmma == nullptr) return;
    warp.wgmma->commit();
    warp.cta->cluster->note_progress();
}

void run_wait(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.require_aligned(i, lanes);
    if (warp.wgmma == nullptr) return;
    Cta& cta = *warp.cta;
    const unsigned first = warp.index / 4 * 4, end = std::min(first + 4, cta.warp_count);
    const std::uint32_t committed = warp.wgmma->committed, outstanding = static_cast<std::uint32_t>(i.immediate);
    if (committed <= outstanding) return;
    const std::uint32_t last = committed - outstanding;
    for (unsigned peer = first; peer < end; peer++) {
        if (cta.warps[peer]->wgmma->committed >= last) continue;
        warp.look_again_at(i);
        return;
    }
    for (unsigned peer = first; peer < end; peer++) {
        Warp& other = *cta.warps[peer];
        if (!has_reader_clock(cta)) {
            for (const WgmmaProduct& product : other.wgmma->pending) {
                if (product.group == 0 || product.group > last) continue;
                warp.clock.seen[peer] = std::max(warp.clock.seen[peer], product.time);
            }
        }
        other.wgmma->compute_until(other, last);
    }
    if (has_reader_clock(cta)) {
        std::uint32_t& seen = warp.clock.seen[SharedWindow::reader_warp(warp.index)];
        seen = std::max(seen, last);
    }
    warp.wgmma->forget_until(last);
}

void translate_product(Translator& t, const Statement& s, Modifiers& m) {
    if (!m.take("sync") || !m.take("aligned")) m.unknown();
    std::string_view b_name = m.take_last(), a_name = m.take_last(), d_name = m.take_last();
    const std::string size(m.take_last());
    m.finish();
    Shape shape{};
    const std::size_t n = size.find('n'), k = size.find('k');
    if (size.rfind("m64n", 0) != 0 || k == std::string::npos) m.unknown();
    shape.columns = static_cast<unsigned>(std::stoul(size.substr(n + 1, k - n - 1)));
    shape.depth = static_cast<unsigned>(std::stoul(size.substr(k + 1)));
    if (!parse_element(a_name, shape.a) || !parse_element(b_name, shape.b)) m.unknown();
    shape.integers = shape.a == Element::S8 || shape.a == Element::U8;
    shape.half_sums = d_name == "f16";
    if ((shape.half_sums && (element_bits(shape.a) > 16 || shape.integers || shape.a == Element::Bf16)) ||
        (!shape.half_sums && d_name != (shape.integers ? "s32" : "f32")) || shape.columns % 8 != 0 || shape.columns > 256 ||
        shape.columns == 0 || shape.depth * element_bits(shape.a) != 256) {
        m.unknown();
    }
    if (s.operands.size() < 4) t.fail("another number of operands");
    shape.a_in_registers = s.operands[1].kind == Operand::Kind::Vector;
    auto flag = [&](std::size_t at, std::uint64_t otherwise) {
        return at < s.operands.size() ? t.immediate(s.operands[at]) : otherwise;
    };
    if (!shape.integers) {
        shape.a_negated = static_cast<std::int64_t>(flag(4, 1)) == -1;
        shape.b_negated = static_cast<std::int64_t>(flag(5, 1)) == -1;
    }
    if (element_bits(shape.a) == 16) {
        if (shape.a_in_registers)
            shape.b_transposed = flag(6, 0) != 0;
        else
            shape.a_transposed = flag(6, 0) != 0, shape.b_transposed = flag(7, 0) != 0;
    }
    const Operand& sums = s.operands[0];
    if (sums.items.size() != shape.registers()) t.fail("another number of accumulators");
    std::vector<Slot> slots;
    for (const Operand& item : sums.items) {
        t.in_bits(item, 32);
        slots.push_back(t.out_bits(item, 32));
        t.note_wgmma_register(item);
    }
    Slot a = 0;
    if (shape.a_in_registers) {
        if (s.operands[1].items.size() != shape.a_registers()) t.fail("another number of registers");
        for (const Operand& item : s.operands[1].items) {
            slots.push_back(t.in_bits(item, 32));
            t.note_wgmma_register(item);
        }
    } else {
        a = t.in_bits(s.operands[1], 64);
    }
    const Slot b = t.in_bits(s.operands[2], 64);
    const Operand& scale = s.operands[3];
    const std::uint16_t c = t.in_predicate(scale);
    const Slot* list = t.list(slots);
    Instruction& i = t.add(&run_product);
    i.a = a, i.b = b, i.c = c, i.list = list, i.immediate = shape.pack();
}

void translate_wgmma(Translator& t, const Statement& s, Modifiers& m) {
    if (m.take("mma_async")) {
        if (m.take("sp")) m.unknown();
        translate_product(t, s, m);
        return;
    }
    std::string_view kind = m.take_one({"fence", "commit_group", "wait_group"});
    if (kind.empty() || !m.take("sync") || !m.take("aligned")) m.unknown();
    m.finish();
    if (kind == "wait_group")
        t.add(&run_wait).immediate = t.immediate(s.operands.at(0));
    else
        t.add(kind == "fence" ? &run_fence : &run_commit);
}

}  // namespace

void add_wgmma(TranslateTable& table) {
    table["wgmma"] = &translate_wgmma;
}

}  // namespace emu::ptx
