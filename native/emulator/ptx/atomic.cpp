// atom and red: read, change and write in one step. Blocks run on several threads of the host, so these are atomic there too.
#include <algorithm>
#include <atomic>

#include "emulator/ptx/address.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"

namespace emu::ptx {
namespace {

enum class Operation : std::uint16_t { Add, And, Or, Xor, Exch, Min, Max, Inc, Dec, Cas };
constexpr std::uint16_t kOperationMask = 15;
constexpr unsigned kSpaceShift = 4;

/// Two 16-bit floats.
template <typename T>
struct Pair {
    std::uint32_t bits = 0;
};

template <typename T>
T apply(Operation operation, T old, T value) {
    if constexpr (std::is_integral_v<T>) {
        switch (operation) {
            case Operation::Add:
                return static_cast<T>(static_cast<std::make_unsigned_t<T>>(old) + static_cast<std::make_unsigned_t<T>>(value));
            case Operation::And:
                return old & value;
            case Operation::Or:
                return old | value;
            case Operation::Xor:
                return old ^ value;
            case Operation::Min:
                return std::min(old, value);
            case Operation::Max:
                return std::max(old, value);
            case Operation::Inc:
                return old >= value ? T{0} : static_cast<T>(old + 1);
            case Operation::Dec:
                return old == 0 || old > value ? value : static_cast<T>(old - 1);
            default:
                return value;
        }
    } else if constexpr (std::is_floating_point_v<T>) {
        return operation == Operation::Add ? old + value : value;
    }
    return value;
}

template <typename T, typename Bits>
Bits change(Operation operation, Bits old, Bits value) {
    if constexpr (std::is_same_v<T, Pair<Bfloat>> || std::is_same_v<T, Pair<Half>>) {
        using Element = std::conditional_t<std::is_same_v<T, Pair<Bfloat>>, Bfloat, Half>;
        Bits made = 0;
        for (unsigned half = 0; half < 32; half += 16) {
            const float a = to_float(Element{static_cast<std::uint16_t>(old >> half)}),
                        b = to_float(Element{static_cast<std::uint16_t>(value >> half)});
            const float c = operation == Operation::Add ? a + b : operation == Operation::Min ? std::min(a, b) : std::max(a, b);
            std::uint16_t bits;
            if constexpr (std::is_same_v<Element, Bfloat>)
                bits = to_bfloat(c).bits;
            else
                bits = to_half(c).bits;
            made |= static_cast<Bits>(std::uint32_t{bits} << half);
        }
        return made;
    } else {
        return to_slot<T>(apply<T>(operation, from_slot<T>(old), from_slot<T>(value)));
    }
}

/// a address, b value, c new value of cas, d result.
template <typename T, typename Bits>
void run_atomic(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    std::uint64_t addresses[kWarpLanes];
    lane_addresses(warp, i, lanes, addresses);
    const auto operation = static_cast<Operation>(i.mode & kOperationMask);
    const auto asked = static_cast<Space>(i.mode >> kSpaceShift & 7);
    Bits values[kWarpLanes], others[kWarpLanes];
    std::memcpy(values, warp.in<Bits>(i.b), sizeof values);
    if (operation == Operation::Cas) std::memcpy(others, warp.in<Bits>(i.c), sizeof others);
    auto* d = warp.out<Bits>(i.d);
    for_lanes(lanes, [&](unsigned lane) {
        std::uint64_t address = addresses[lane];
        Space space = asked;
        if (space == Space::Generic) {
            space = address / kWindowBytes == kSharedBase / kWindowBytes ? Space::Shared : Space::Global;
            if (space == Space::Shared) address %= kWindowBytes;
        }
        Bits* target;
        if (space == Space::Shared) {
            Cta& block = shared_block(warp, lane, address);
            const auto offset = static_cast<std::uint32_t>(address & kOffsetMask);
            if (&block == warp.cta)
                block.shared.check_atomic(warp, lane, offset, sizeof(Bits));
            else if (offset % sizeof(Bits) != 0 || (block.shared.state(offset) & 0x80) == 0)
                block.shared.check_atomic(warp, lane, offset, sizeof(Bits));
            target = reinterpret_cast<Bits*>(block.shared.data() + offset);
        } else {
            target = reinterpret_cast<Bits*>(global_bytes<sizeof(Bits)>(warp, lane, address, false));
        }
        std::atomic_ref<Bits> place(*target);
        Bits old = place.load();
        for (;;) {
            Bits wanted;
            if (operation == Operation::Cas)
                wanted = old == values[lane] ? others[lane] : old;
            else
                wanted = change<T, Bits>(operation, old, values[lane]);
            if (place.compare_exchange_weak(old, wanted)) break;
        }
        d[lane] = old;
    });
}

Handler choose(Type type, std::string_view name) {
    if (name == "bf16x2") return &run_atomic<Pair<Bfloat>, std::uint32_t>;
    if (name == "f16x2") return &run_atomic<Pair<Half>, std::uint32_t>;
    if (type.kind == 'f') return type.bits == 32 ? &run_atomic<float, std::uint32_t> : &run_atomic<double, std::uint64_t>;
    if (type.kind == 'h') return nullptr;
    if (type.bits == 32)
        return type.is_signed() ? &run_atomic<std::int32_t, std::uint32_t> : &run_atomic<std::uint32_t, std::uint32_t>;
    if (type.bits == 64)
        return type.is_signed() ? &run_atomic<std::int64_t, std::uint64_t> : &run_atomic<std::uint64_t, std::uint64_t>;
    return nullptr;
}

void translate_atomic(Translator& t, const Statement& s, Modifiers& m) {
    const bool returns = s.opcode->parts[0] == "atom";
    std::string_view name = s.opcode->parts.back();
    if (m.take("async")) m.unknown();
    const Type type = m.take_type();
    constexpr std::string_view kNames[] = {"add", "and", "or", "xor", "exch", "min", "max", "inc", "dec", "cas"};
    std::uint16_t operation = 0;
    while (operation < 10 && !m.take(kNames[operation])) operation++;
    m.take("noftz");
    m.take_one({"relaxed", "acquire", "release", "acq_rel"});
    m.take_one({"cta", "cluster", "gpu", "sys"});
    const bool hint = m.take("L2::cache_hint");
    Space space = Space::Generic;
    if (m.take("global"))
        space = Space::Global;
    else if (!m.take_one({"shared", "shared::cta", "shared::cluster"}).empty())
        space = Space::Shared;
    m.finish();
    Handler handler = choose(type, name);
    const bool cas = operation == 9;
    const std::size_t wanted = 2u + (returns ? 1 : 0) + (cas ? 1 : 0) + (hint ? 1 : 0);
    if (operation == 10 || handler == nullptr || s.operands.size() != wanted) m.unknown();
    if (type.is_float() && operation != 0 && (type.kind == 'f' || operation < 5) && operation != 4) m.unknown();
    const std::size_t next = returns ? 1 : 0;
    const Address address = t.address(s.operands[next]);
    auto value = [&](const Operand& operand) {
        // One value may stand in braces.
        return t.in(operand.kind == Operand::Kind::Vector && operand.items.size() == 1 ? operand.items[0] : operand, type);
    };
    const Slot b = value(s.operands[next + 1]), c = cas ? value(s.operands[next + 2]) : 0;
    const Slot d = returns ? t.out(s.operands[0], type) : t.discard(type.bits == 64);
    Instruction& i = t.add(handler);
    i.d = d, i.b = b, i.c = c;
    i.mode = static_cast<std::uint16_t>(operation | static_cast<unsigned>(space) << kSpaceShift);
    set_address(i, address);
}

}  // namespace

void add_atomic(TranslateTable& table) {
    table["atom"] = &translate_atomic;
    table["red"] = &translate_atomic;
}

}  // namespace emu::ptx
