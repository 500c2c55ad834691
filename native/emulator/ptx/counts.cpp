#include "emulator/ptx/counts.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

#include "emulator/ptx/address.h"
#include "emulator/ptx/control.h"

namespace emu::ptx {
namespace {

constexpr unsigned kSectorBytes = 32, kBanks = 32, kWordBytes = 4;

/// The file that BTRM_EMULATOR_COUNTS names gets the counts of the whole process when it ends.
void write_at_exit() {
    if (std::FILE* file = std::fopen(std::getenv("BTRM_EMULATOR_COUNTS"), "w")) {
        std::fputs(counts_text().c_str(), file);
        std::fclose(file);
    }
}

std::atomic<bool> is_counting{[] {
    const bool asked = std::getenv("BTRM_EMULATOR_COUNTS") != nullptr;
    if (asked) std::atexit(&write_at_exit);
    return asked;
}()};

struct Kept {
    KernelCounts counts;
    std::uint64_t launches = 0;
    std::vector<std::string> opcodes;
};

std::mutex mutex;
std::map<std::pair<std::string, std::string>, Kept>& kept() {
    static auto* all = new std::map<std::pair<std::string, std::string>, Kept>();
    return *all;
}

std::vector<std::string_view> parts_of(std::string_view opcode) {
    std::vector<std::string_view> parts;
    for (std::size_t from = 0; from <= opcode.size();) {
        const std::size_t dot = std::min(opcode.find('.', from), opcode.size());
        parts.push_back(opcode.substr(from, dot - from));
        from = dot + 1;
    }
    return parts;
}

bool has(const std::vector<std::string_view>& parts, std::string_view part) {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
}

unsigned number_after(std::string_view text, char letter) {
    const std::size_t at = text.find(letter);
    return at == std::string_view::npos ? 0 : static_cast<unsigned>(std::atoi(std::string(text.substr(at + 1)).c_str()));
}

/// Multiplications and additions of one warp's part of the instruction; 0 when it is no tensor instruction.
std::uint64_t tensor_operations(std::string_view opcode) {
    const bool wgmma = opcode.rfind("wgmma.mma_async", 0) == 0;
    if (!wgmma && opcode.rfind("mma.sync", 0) != 0) return 0;
    for (std::string_view part : parts_of(opcode)) {
        if (part.size() < 5 || part[0] != 'm' || part.find('n') == std::string_view::npos ||
            part.find('k') == std::string_view::npos)
            continue;
        return std::uint64_t{2} * number_after(part, 'm') * number_after(part, 'n') * number_after(part, 'k') / (wgmma ? 4 : 1);
    }
    return 0;
}

/// The kind of unit that an instruction is issued to, roughly: what a table has a column for.
const char* class_of(std::string_view opcode) {
    const std::vector<std::string_view> parts = parts_of(opcode);
    const std::string_view name = parts.front();
    if (tensor_operations(opcode) != 0) return "tensor";
    if (name == "bar" || name == "barrier" || name == "mbarrier" || name == "wgmma" || name == "fence" || name == "membar")
        return "synchronisation";
    if (name == "ld" || name == "st" || name == "cp" || name == "ldmatrix" || name == "stmatrix" || name == "atom" ||
        name == "red" || name == "prefetch")
        return "memory";
    if (name == "bra" || name == "ret" || name == "exit" || name == "call" || name == "trap") return "branch";
    if (name == "shfl" || name == "vote" || name == "redux" || name == "match" || name == "elect" || name == "activemask")
        return "warp";
    if (name == "ex2" || name == "lg2" || name == "rcp" || name == "rsqrt" || name == "sqrt" || name == "sin" || name == "cos" ||
        name == "tanh")
        return "special";
    if (name == "cvt") return "conversion";
    if (name == "mov" || name == "cvta") return "move";
    for (std::string_view type : {"f32", "f16", "f16x2", "bf16", "bf16x2", "f64"}) {
        if (parts.back() == type) return "floating";
    }
    return "integer";
}

void put(std::string& text, const char* name, std::uint64_t value) {
    text += ",\"" + std::string(name) + "\":" + std::to_string(value);
}

}  // namespace

AccessShape AccessShape::parse(const std::string& opcode) {
    const std::vector<std::string_view> parts = parts_of(opcode);
    AccessShape shape;
    if (parts[0] == "ldmatrix" || parts[0] == "stmatrix") {
        return {Kind::Matrices, static_cast<std::uint8_t>(has(parts, "x4") ? 4 : has(parts, "x2") ? 2 : 1), 's'};
    }
    if (parts[0] == "cp" && parts.size() > 2 && parts[1] == "async" && (parts[2] == "ca" || parts[2] == "cg"))
        return {Kind::AsyncCopy, 16, 'g'};
    if (parts[0] != "ld" && parts[0] != "st") return shape;
    shape.kind = parts[0] == "ld" ? Kind::Load : Kind::Store;
    shape.space = has(parts, "global") ? 'g' : has(parts, "shared") || has(parts, "shared::cta") ? 's' : '?';
    if (has(parts, "param") || has(parts, "local") || has(parts, "const")) shape.space = 'o';
    const unsigned count = has(parts, "v4") ? 4 : has(parts, "v2") ? 2 : 1;
    shape.bytes =
        static_cast<std::uint8_t>(count * static_cast<unsigned>(std::atoi(std::string(parts.back().substr(1)).c_str())) / 8);
    return shape;
}

void KernelCounts::start(const Program& program) {
    *this = {};
    issued.assign(program.opcodes.size(), 0);
}

void KernelCounts::add(const KernelCounts& other) {
    issued.resize(std::max(issued.size(), other.issued.size()));
    for (std::size_t i = 0; i < other.issued.size(); i++) issued[i] += other.issued[i];
    blocks += other.blocks;
    sectors += other.sectors;
    sectors_needed += other.sectors_needed;
    passes += other.passes;
    passes_needed += other.passes_needed;
    bulk_bytes += other.bulk_bytes;
}

void KernelCounts::note_global(const std::uint64_t* addresses, std::uint32_t lanes, unsigned bytes) {
    std::uint64_t touched[kWarpLanes], different[kWarpLanes];
    unsigned touched_count = 0, different_count = 0;
    auto insert = [](std::uint64_t* set, unsigned& count, std::uint64_t value) {
        for (unsigned i = count; i-- > 0;) {
            if (set[i] == value) return;
        }
        set[count++] = value;
    };
    for_lanes(lanes, [&](unsigned lane) {
        insert(touched, touched_count, addresses[lane] / kSectorBytes);
        insert(different, different_count, addresses[lane]);
    });
    sectors += touched_count;
    sectors_needed += (different_count * bytes + kSectorBytes - 1) / kSectorBytes;
}

void KernelCounts::note_shared(const std::uint64_t* addresses, std::uint32_t lanes, unsigned bytes) {
    // Wider accesses go by halves and quarters of the warp, 128 bytes at a time.
    const unsigned words = std::max(1u, bytes / kWordBytes), group = kWarpLanes / words;
    for (unsigned first = 0; first < kWarpLanes; first += group) {
        std::uint64_t bank[kBanks][kWarpLanes];
        std::uint8_t fill[kBanks] = {};
        unsigned worst = 0;
        for (unsigned lane = first; lane < first + group; lane++) {
            if ((lanes >> lane & 1) == 0) continue;
            for (unsigned w = 0; w < words; w++) {
                const std::uint64_t word = (addresses[lane] & kOffsetMask) / kWordBytes + w;
                const unsigned at = word % kBanks;
                std::uint8_t& count = fill[at];
                if (std::find(bank[at], bank[at] + count, word) != bank[at] + count) continue;
                bank[at][count++] = word;
                worst = std::max<unsigned>(worst, count);
            }
        }
        passes += worst;
        passes_needed += worst > 0 ? 1 : 0;
    }
}

void KernelCounts::note(Warp& warp, const Instruction& instruction, std::uint32_t lanes) {
    if (is_pseudo(instruction.run)) return;
    const Program& program = *warp.cta->cluster->work->program;
    issued[static_cast<std::size_t>(instruction.number)]++;
    const AccessShape shape = program.shapes[static_cast<std::size_t>(instruction.number)];
    if (shape.kind == AccessShape::Kind::None || shape.space == 'o') return;
    std::uint64_t addresses[kWarpLanes];
    lane_addresses(warp, instruction, lanes, addresses);
    if (shape.kind == AccessShape::Kind::AsyncCopy) {
        // What is not copied but filled with zeros is not asked of memory.
        const auto* bytes = warp.in<std::uint32_t>(instruction.c);
        std::uint32_t copied = 0;
        unsigned most = 0;
        for_lanes(lanes, [&](unsigned lane) {
            if (bytes[lane] > 0) copied |= 1u << lane;
            most = std::max(most, bytes[lane]);
        });
        note_global(addresses, copied, most);
        return;
    }
    if (shape.kind == AccessShape::Kind::Matrices) {
        for (unsigned matrix = 0; matrix < shape.bytes; matrix++) note_shared(addresses + 8 * matrix, 0xFF, 16);
        return;
    }
    char space = shape.space;
    if (space == '?') {
        const std::uint64_t window = addresses[std::countr_zero(lanes)] / kWindowBytes;
        if (window == kLocalBase / kWindowBytes || window == kParamBase / kWindowBytes) return;
        space = window == kSharedBase / kWindowBytes ? 's' : 'g';
    }
    if (space == 'g')
        note_global(addresses, lanes, shape.bytes);
    else
        note_shared(addresses, lanes, shape.bytes);
}

bool counting() {
    return is_counting.load(std::memory_order_relaxed);
}

void count_launches(bool on) {
    std::lock_guard lock(mutex);
    if (on) kept().clear();
    is_counting = on;
}

namespace {

/// With the mutex held.
Kept& entry_of(const Program& program) {
    Kept& entry = kept()[{program.target, program.name}];
    if (entry.opcodes.size() == program.opcodes.size()) return entry;
    // Another build of the kernel than before: its instructions are others.
    entry = {};
    entry.counts.start(program);
    for (const std::string* opcode : program.opcodes) entry.opcodes.push_back(*opcode);
    return entry;
}

}  // namespace

void note_loaded(const Program& program) {
    if (!counting()) return;
    std::lock_guard lock(mutex);
    entry_of(program);
}

void add_counts(const Program& program, const KernelCounts& counts) {
    std::lock_guard lock(mutex);
    entry_of(program).counts.add(counts);
}

std::string counts_text() {
    std::lock_guard lock(mutex);
    std::string text;
    for (const auto& [key, entry] : kept()) {
        const KernelCounts& counts = entry.counts;
        if (counts.blocks == 0) continue;
        std::map<std::string, std::uint64_t> classes;
        std::uint64_t operations = 0, all = 0;
        for (std::size_t i = 0; i < counts.issued.size(); i++) {
            if (counts.issued[i] == 0) continue;
            classes[class_of(entry.opcodes[i])] += counts.issued[i];
            operations += counts.issued[i] * tensor_operations(entry.opcodes[i]);
            all += counts.issued[i];
        }
        text += "{\"target\":\"" + key.first + "\",\"kernel\":\"" + key.second + "\"";
        put(text, "blocks", counts.blocks);
        put(text, "issued", all);
        for (const auto& [name, count] : classes) put(text, name.c_str(), count);
        put(text, "tensor_operations", operations);
        put(text, "sectors", counts.sectors);
        put(text, "sectors_needed", counts.sectors_needed);
        put(text, "passes", counts.passes);
        put(text, "passes_needed", counts.passes_needed);
        put(text, "bulk_bytes", counts.bulk_bytes);
        text += "}\n";
    }
    return text;
}

std::string coverage_text() {
    std::lock_guard lock(mutex);
    std::string text;
    for (const auto& [key, entry] : kept()) {
        struct Places {
            std::uint64_t executed = 0, places = 0, untouched = 0;
        };
        std::map<std::string, Places> opcodes;
        for (std::size_t i = 0; i < entry.opcodes.size(); i++) {
            Places& places = opcodes[entry.opcodes[i]];
            places.executed += entry.counts.issued[i];
            places.places++;
            places.untouched += entry.counts.issued[i] == 0 ? 1 : 0;
        }
        for (const auto& [opcode, places] : opcodes) {
            text += key.first + ' ' + key.second + ' ' + opcode + ' ' + std::to_string(places.executed) + ' ' +
                    std::to_string(places.places) + ' ' + std::to_string(places.untouched) + '\n';
        }
    }
    return text;
}

}  // namespace emu::ptx
