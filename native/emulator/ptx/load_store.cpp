// ld, st, and the prefetches that do nothing here.
#include "emulator/ptx/address.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"

namespace emu::ptx {

void refuse_local(Warp& warp, unsigned lane, std::uint64_t address, unsigned bytes) {
    const bool misaligned = address % bytes != 0;
    report(warp, lane, misaligned ? Defect::MisalignedAccess : Defect::OutOfBoundsGlobal,
           "access of %u bytes at byte %llu of local memory, of which there are %u", bytes,
           static_cast<unsigned long long>(address), warp.cta->cluster->work->program->local_bytes);
}

void refuse_param(Warp& warp, unsigned lane, std::uint64_t address, unsigned bytes) {
    report(warp, lane, address % bytes != 0 ? Defect::MisalignedAccess : Defect::OutOfBoundsGlobal,
           "read of %u bytes at byte %llu of the parameters, which have %zu", bytes, static_cast<unsigned long long>(address),
           warp.cta->cluster->work->parameters.size());
}

bool in_module(const Warp& warp, std::uint64_t address, unsigned bytes) {
    const Program& program = *warp.cta->cluster->work->program;
    return address >= program.module_data && address - program.module_data + bytes <= program.module_data_bytes;
}

void check_global(Warp& warp, unsigned lane, std::uint64_t address, unsigned bytes, bool writes) {
    warp.lane = lane;
    if (in_module(warp, address, bytes)) {
        if (address % bytes == 0) return;
        report(warp, lane, Defect::MisalignedAccess, "access of %u bytes at an address that is no multiple of it", bytes);
    }
    if (writes)
        check_global_write_slowly(reinterpret_cast<void*>(address), bytes, bytes, {});
    else
        check_global_read_slowly(reinterpret_cast<const void*>(address), bytes, bytes, {});
}

namespace {

constexpr std::uint16_t kSigned = 1, kWideValue = 2, kStrong = 4;

template <unsigned kBytes>
const std::uint8_t* readable(Warp& warp, const Instruction& i, unsigned lane, Space space, std::uint64_t address) {
    if (space == Space::Generic) {
        const std::uint64_t window = address / kWindowBytes;
        if (window == kSharedBase / kWindowBytes)
            space = Space::Shared;
        else if (window == kLocalBase / kWindowBytes)
            space = Space::Local;
        else if (window == kParamBase / kWindowBytes)
            space = Space::Param;
        else
            space = Space::Global;
        if (space != Space::Global) address %= kWindowBytes;
    }
    switch (space) {
        case Space::Shared: {
            Cta& block = shared_block(warp, lane, address);
            const auto offset = static_cast<std::uint32_t>(address & kOffsetMask);
            if (&block == warp.cta && (i.mode & kStrong) == 0) return block.shared.read<kBytes>(warp, lane, offset);
            // Of another block's accesses only the place is known, and strong ones may race.
            if (offset % kBytes != 0 || (block.shared.state(offset) & 0x80) == 0) block.shared.read<kBytes>(warp, lane, offset);
            return block.shared.data() + offset;
        }
        case Space::Local:
            return local_bytes<kBytes>(warp, lane, address);
        case Space::Param:
            return param_bytes<kBytes>(warp, lane, address);
        default:
            return global_bytes<kBytes>(warp, lane, address, false);
    }
}

template <unsigned kElement>
std::uint64_t element_at(const std::uint8_t* from, bool is_signed) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, kElement);
    if (is_signed && kElement < 8)
        value = static_cast<std::uint64_t>(static_cast<std::int64_t>(value << (64 - 8 * kElement)) >> (64 - 8 * kElement));
    return value;
}

template <Space kSpace, unsigned kElement, unsigned kCount>
void run_load(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    constexpr unsigned kBytes = kElement * kCount;
    std::uint64_t addresses[kWarpLanes];
    lane_addresses(warp, i, lanes, addresses);
    alignas(16) std::uint8_t buffer[kWarpLanes][kBytes];
    for_lanes(lanes, [&](unsigned lane) {
        std::memcpy(buffer[lane], readable<kBytes>(warp, i, lane, kSpace, addresses[lane]), kBytes);
    });
    const bool is_signed = (i.mode & kSigned) != 0;
    for (unsigned k = 0; k < kCount; k++) {
        const Slot slot = kCount == 1 ? i.d : i.list[k];
        if ((i.mode & kWideValue) != 0) {
            auto* d = warp.out<std::uint64_t>(slot);
            for_lanes(lanes, [&](unsigned lane) { d[lane] = element_at<kElement>(buffer[lane] + k * kElement, is_signed); });
        } else {
            auto* d = warp.out<std::uint32_t>(slot);
            for_lanes(lanes, [&](unsigned lane) {
                d[lane] = static_cast<std::uint32_t>(element_at<kElement>(buffer[lane] + k * kElement, is_signed));
            });
        }
    }
}

template <Space kSpace, unsigned kElement, unsigned kCount>
void run_store(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    constexpr unsigned kBytes = kElement * kCount;
    std::uint64_t addresses[kWarpLanes];
    lane_addresses(warp, i, lanes, addresses);
    alignas(16) std::uint8_t buffer[kWarpLanes][kBytes];
    for (unsigned k = 0; k < kCount; k++) {
        const Slot slot = kCount == 1 ? i.d : i.list[k];
        if ((i.mode & kWideValue) != 0) {
            const auto* from = warp.in<std::uint64_t>(slot);
            for (unsigned lane = 0; lane < kWarpLanes; lane++) std::memcpy(buffer[lane] + k * kElement, &from[lane], kElement);
        } else {
            const auto* from = warp.in<std::uint32_t>(slot);
            for (unsigned lane = 0; lane < kWarpLanes; lane++)
                std::memcpy(buffer[lane] + k * kElement, &from[lane], kElement < 4 ? kElement : 4);
        }
    }
    std::uint8_t* targets[kWarpLanes];
    std::uint32_t shared = 0;
    for_lanes(lanes, [&](unsigned lane) {
        std::uint64_t address = addresses[lane];
        Space space = kSpace;
        if (space == Space::Generic) {
            const std::uint64_t window = address / kWindowBytes;
            space = window == kSharedBase / kWindowBytes  ? Space::Shared
                    : window == kLocalBase / kWindowBytes ? Space::Local
                                                          : Space::Global;
            if (space != Space::Global) address %= kWindowBytes;
        }
        if (space == Space::Shared) {
            Cta& block = shared_block(warp, lane, address);
            const auto offset = static_cast<std::uint32_t>(address & kOffsetMask);
            targets[lane] = block.shared.data() + offset;
            if (&block == warp.cta && (i.mode & kStrong) == 0) {
                block.shared.check_write<kBytes>(warp, lane, offset, "write", buffer[lane]);
                shared |= 1u << lane;
                addresses[lane] = offset;
            } else {
                if (offset % kBytes != 0 || offset + kBytes > block.shared.end())
                    block.shared.check_write<kBytes>(warp, lane, offset);
                block.shared.note_write_range(offset, kBytes, kWrittenByAtomic, 0);
            }
        } else if (space == Space::Local) {
            targets[lane] = local_bytes<kBytes>(warp, lane, address);
        } else {
            targets[lane] = global_bytes<kBytes>(warp, lane, address, true);
        }
    });
    // Written after all have been checked: lanes that store to the same place in one instruction do not race.
    for_lanes(lanes, [&](unsigned lane) {
        std::memcpy(targets[lane], buffer[lane], kBytes);
        if ((shared >> lane & 1) != 0)
            warp.cta->shared.note_write<kBytes>(warp, lane, static_cast<std::uint32_t>(addresses[lane]));
    });
}

template <template <Space, unsigned, unsigned> class Shape, Space kSpace>
Handler by_size(unsigned element, std::size_t count) {
    switch (element * 16 + count) {
        case 1 * 16 + 1:
            return &Shape<kSpace, 1, 1>::run;
        case 1 * 16 + 2:
            return &Shape<kSpace, 1, 2>::run;
        case 1 * 16 + 4:
            return &Shape<kSpace, 1, 4>::run;
        case 2 * 16 + 1:
            return &Shape<kSpace, 2, 1>::run;
        case 2 * 16 + 2:
            return &Shape<kSpace, 2, 2>::run;
        case 2 * 16 + 4:
            return &Shape<kSpace, 2, 4>::run;
        case 4 * 16 + 1:
            return &Shape<kSpace, 4, 1>::run;
        case 4 * 16 + 2:
            return &Shape<kSpace, 4, 2>::run;
        case 4 * 16 + 4:
            return &Shape<kSpace, 4, 4>::run;
        case 8 * 16 + 1:
            return &Shape<kSpace, 8, 1>::run;
        case 8 * 16 + 2:
            return &Shape<kSpace, 8, 2>::run;
        default:
            return nullptr;
    }
}

template <template <Space, unsigned, unsigned> class Shape>
Handler by_space(Space space, unsigned element, std::size_t count) {
    switch (space) {
        case Space::Generic:
            return by_size<Shape, Space::Generic>(element, count);
        case Space::Shared:
            return by_size<Shape, Space::Shared>(element, count);
        case Space::Local:
            return by_size<Shape, Space::Local>(element, count);
        case Space::Param:
            return by_size<Shape, Space::Param>(element, count);
        default:
            return by_size<Shape, Space::Global>(element, count);
    }
}

template <Space kSpace, unsigned kElement, unsigned kCount>
struct Load {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) { run_load<kSpace, kElement, kCount>(warp, i, lanes); }
};
template <Space kSpace, unsigned kElement, unsigned kCount>
struct Store {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) {
        run_store<kSpace, kElement, kCount>(warp, i, lanes);
    }
};

/// Takes what orders or caches an access; returns whether it is a strong one.
bool take_memory_modifiers(Modifiers& m) {
    std::string_view order = m.take_one({"volatile", "relaxed", "acquire", "release", "weak", "mmio"});
    const bool strong = !order.empty() && order != "weak";
    m.take_one({"cta", "cluster", "gpu", "sys"});
    m.take_one({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
    m.take("nc");
    m.take_one({"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
    m.take_one({"L2::evict_normal", "L2::evict_first", "L2::evict_last"});
    m.take_one({"L2::64B", "L2::128B", "L2::256B"});
    m.take("unified");
    return strong;
}

Space take_space(Modifiers& m) {
    if (m.take("global")) return Space::Global;
    if (!m.take_one({"shared", "shared::cta", "shared::cluster"}).empty()) return Space::Shared;
    if (m.take("local")) return Space::Local;
    if (!m.take_one({"param", "param::entry", "param::func"}).empty()) return Space::Param;
    if (m.take("const")) return Space::Const;
    return Space::Generic;
}

void translate_access(Translator& t, const Statement& s, Modifiers& m) {
    const bool load = s.opcode->parts[0][0] == 'l';
    const bool strong = take_memory_modifiers(m);
    const bool hint = m.take("L2::cache_hint");
    Space space = take_space(m);
    std::string_view vector = m.take_one({"v2", "v4", "v8"});
    const Type type = m.take_type();
    m.finish();
    if (type.bits > 64 || s.operands.size() != (hint ? 3u : 2u)) m.unknown();
    const Operand& where = s.operands[load ? 1 : 0];
    const Operand& what = s.operands[load ? 0 : 1];
    space = t.space_of(where, space);
    if (!load && (space == Space::Param || space == Space::Const)) t.fail("a store into a space that cannot be written");
    std::vector<const Operand*> items;
    if (what.kind == Operand::Kind::Vector) {
        for (const Operand& item : what.items) items.push_back(&item);
    } else {
        items.push_back(&what);
    }
    const std::size_t count = vector.empty() ? 1 : static_cast<std::size_t>(vector[1] - '0');
    if (items.size() != count) t.fail("another number of elements");
    const Address address = t.address(where);
    std::vector<Slot> slots;
    bool wide = type.bits == 64, first = true;
    for (const Operand* item : items) {
        bool is_wide = wide;
        Slot slot;
        if (item->kind == Operand::Kind::Discard)
            slot = t.discard(wide);
        else
            slot = load ? t.out_any(*item, is_wide) : t.in_any(*item, type.bits, is_wide);
        if (item->kind != Operand::Kind::Discard && !first && is_wide != wide) t.fail("elements of different widths");
        if (item->kind != Operand::Kind::Discard) wide = is_wide, first = false;
        slots.push_back(slot);
    }
    if (type.bits == 64 && !wide) t.fail("the register is too narrow");
    const Slot* list = t.list(slots);
    Handler handler = load ? by_space<Load>(space, type.bytes(), count) : by_space<Store>(space, type.bytes(), count);
    if (handler == nullptr) m.unknown();
    Instruction& i = t.add(handler);
    i.d = slots[0];
    i.list = list;
    i.mode = static_cast<std::uint16_t>((type.is_signed() ? kSigned : 0) | (wide ? kWideValue : 0) | (strong ? kStrong : 0));
    set_address(i, address);
}

void run_nothing(Warp&, const Instruction&, std::uint32_t) {}

/// Hints about caches: nothing to do, and nothing that could differ.
void translate_hint(Translator& t, const Statement& s, Modifiers&) {
    (void)s;
    t.add(&run_nothing);
}

void run_policy(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<std::uint64_t>(i.d);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = 0; });
}

void translate_policy(Translator& t, const Statement& s, Modifiers&) {
    const Slot d = t.out_bits(s.operands[0], 64);
    t.add(&run_policy).d = d;
}

}  // namespace

void add_load_store(TranslateTable& table) {
    table["ld"] = &translate_access;
    table["ldu"] = &translate_access;
    table["st"] = &translate_access;
    table["prefetch"] = &translate_hint;
    table["prefetchu"] = &translate_hint;
    table["applypriority"] = &translate_hint;
    table["discard"] = &translate_hint;
    table["createpolicy"] = &translate_policy;
}

}  // namespace emu::ptx
