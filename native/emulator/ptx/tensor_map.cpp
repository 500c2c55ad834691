// tensormap: maps that a kernel writes itself, field by field, in our own form of the 128 bytes.
#include "emulator/tensor_map.h"

#include <cstring>

#include "emulator/ptx/address.h"
#include "emulator/ptx/bulk_copy.h"
#include "emulator/ptx/translator.h"

namespace emu::ptx {
namespace {

enum class Field : std::uint16_t { Address, Rank, Box, Dimension, Stride, Step, Type, Interleave, Swizzle, Fill };

constexpr std::uint8_t kReplacedTypes[] = {1, 2, 4, 4, 8, 8, 2, 4, 4, 8, 2, 4, 4};  // bytes, by the ISA's number of the type

/// a: address of the map. mode: the field; b: which of several; c: the value (64 bits by mode bit 5).
void run_replace(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    std::uint64_t addresses[kWarpLanes];
    lane_addresses(warp, i, lanes, addresses);
    const auto field = static_cast<Field>(i.mode & 15);
    for_lanes(lanes, [&](unsigned lane) {
        std::uint8_t* place;
        const bool shared = (i.mode & 16) != 0;
        const auto offset = static_cast<std::uint32_t>(addresses[lane] & kOffsetMask);
        if (shared) {
            warp.cta->shared.check_read(warp, lane, offset, kMapBytes, kMapBytes);
            warp.cta->shared.check_write_range(warp, lane, offset, kMapBytes, kMapBytes, "write");
            place = warp.cta->shared.data() + offset;
        } else {
            for (std::uint32_t at = 0; at < kMapBytes; at += 16) global_bytes<16>(warp, lane, addresses[lane] + at, true);
            place = reinterpret_cast<std::uint8_t*>(addresses[lane]);
        }
        TensorMap map;
        std::memcpy(&map, place, kMapBytes);
        map.magic = TensorMap::kMagic;
        const std::uint64_t value = (i.mode & 32) != 0 ? warp.in<std::uint64_t>(i.c)[lane] : lane_value(warp, i.c, lane);
        const unsigned axis = static_cast<unsigned>(i.b);
        switch (field) {
            case Field::Address:
                map.address = value;
                break;
            case Field::Rank:
                map.rank = static_cast<std::uint8_t>(value + 1);
                break;
            case Field::Box:
                map.box[axis] = static_cast<std::uint16_t>(value);
                break;
            case Field::Dimension:
                map.sizes[axis] = static_cast<std::uint32_t>(value);
                break;
            case Field::Stride:
                map.strides[axis] = value;
                break;
            case Field::Step:
                map.steps[axis] = static_cast<std::uint16_t>(value);
                break;
            case Field::Type:
                if (value >= sizeof kReplacedTypes)
                    report(warp, lane, Defect::OutOfBoundsGlobal, "a tensor map of type %llu",
                           static_cast<unsigned long long>(value));
                map.element_bytes = kReplacedTypes[value];
                break;
            case Field::Interleave:
                if (value != 0) report(warp, lane, Defect::OutOfBoundsGlobal, "interleaved tensor maps are not known");
                break;
            case Field::Swizzle:
                map.swizzle = static_cast<std::uint8_t>(value);
                break;
            case Field::Fill:
                map.fill_nan = static_cast<std::uint8_t>(value);
                break;
        }
        std::memcpy(place, &map, kMapBytes);
        if (shared) warp.cta->shared.note_write_range(offset, kMapBytes, kWritten, warp.epoch(lane));
    });
}

/// tensormap.cp_fenceproxy: the map goes from shared to global memory; all lanes do it together.
void run_copy_map(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.require_aligned(i, lanes);
    warp.synchronise_lanes(lanes);
    std::uint64_t targets[kWarpLanes];
    lane_addresses(warp, i, lanes, targets);
    const unsigned lane = static_cast<unsigned>(std::countr_zero(lanes));
    const auto offset = static_cast<std::uint32_t>(lane_address(warp, i.list[0], i.list[1], i.list[2], lane) & kOffsetMask);
    warp.cta->shared.check_read(warp, lane, offset, kMapBytes, kMapBytes);
    for (std::uint32_t at = 0; at < kMapBytes; at += 16) {
        std::memcpy(global_bytes<16>(warp, lane, targets[lane] + at, true), warp.cta->shared.data() + offset + at, 16);
    }
}

void translate_replace(Translator& t, const Statement& s, Modifiers& m) {
    if (!m.take("tile")) m.unknown();
    constexpr std::string_view kFields[] = {"global_address", "rank",     "box_dim",           "global_dim",   "global_stride",
                                            "element_stride", "elemtype", "interleave_layout", "swizzle_mode", "fill_mode"};
    std::uint16_t mode = 0;
    while (mode < std::size(kFields) && !m.take(kFields[mode])) mode++;
    if (mode == std::size(kFields)) m.unknown();
    const bool counted = mode >= 2 && mode <= 5;
    if (!m.take_one({"shared::cta", "shared"}).empty())
        mode |= 16;
    else if (!m.take("global"))
        m.unknown();
    m.take("b1024");
    const Type type = m.take_type();
    m.finish();
    if (s.operands.size() != (counted ? 3u : 2u)) t.fail("another number of operands");
    const std::uint64_t axis = counted ? t.immediate(s.operands[1]) : 0;
    if (axis > 4) t.fail("a tensor map has five axes");
    const Slot value = t.in(s.operands.back(), type);
    if (type.bits == 64) mode |= 32;
    const Address address = t.address(s.operands[0]);
    Instruction& i = t.add(&run_replace);
    i.b = static_cast<Slot>(axis), i.c = value, i.mode = mode;
    set_address(i, address);
}

void translate_tensormap(Translator& t, const Statement& s, Modifiers& m) {
    if (m.take("replace")) {
        translate_replace(t, s, m);
        return;
    }
    if (!m.take("cp_fenceproxy") || !m.take("global") || !m.take("shared::cta")) m.unknown();
    m.take("tensormap::generic");
    m.take("release");
    m.take_one({"cta", "cluster", "gpu", "sys"});
    m.take("sync");
    m.take("aligned");
    m.finish();
    std::vector<Slot> slots;
    push_address(t, slots, s.operands.at(1));
    if (t.immediate(s.operands.at(2)) != kMapBytes) t.fail("a map of another size");
    const Address address = t.address(s.operands[0]);
    const Slot* list = t.list(slots);
    Instruction& i = t.add(&run_copy_map);
    i.list = list;
    set_address(i, address);
}

}  // namespace

void add_tensor_copy(TranslateTable& table) {
    table["tensormap"] = &translate_tensormap;
}

}  // namespace emu::ptx
