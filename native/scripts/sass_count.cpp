// Counts the instructions that a warp issues in one step of a kernel's main loop, from its machine code.
//
//   cuobjdump -sass FILE.cubin | sass_count COMPILER ARCHITECTURE
//
// The main loop of a kernel is the one, among its loops that multiply on the tensor cores, with the most work a pass, and of
// those with the same work the shortest; work are matrix products (HMMA) and what feeds them (LDSM, LDGSTS). A pass takes the
// path through the loop that does all of the work with the fewest instructions: what is left out are branches for edges, for
// example of masked tiles. A loop inside counts once. A predicated instruction counts whether it is on or off. Prints one JSON
// object a kernel that has such a loop.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

struct Instruction {
    unsigned address;
    std::string name;  // without its predicate: HMMA.16816.F32.BF16
    bool predicated;
    std::optional<unsigned> target;
};

struct Path {
    int work = -1, instructions = 0, products = 0;

    bool better_than(const Path& other) const {
        return work > other.work || (work == other.work && instructions < other.instructions);
    }
};

bool is(const Instruction& instruction, const char* prefix) {
    return instruction.name.starts_with(prefix);
}

/// One line of code: /*1790*/ @!P0 BRA 0xde0 ;
std::optional<Instruction> parse(const std::string& line) {
    unsigned address = 0;
    int length = 0;
    if (std::sscanf(line.c_str(), " /*%x*/ %n", &address, &length) != 1 || length == 0) return {};
    const char* text = line.c_str() + length;
    Instruction instruction{address, {}, *text == '@', {}};
    if (*text == '@') {
        while (*text != '\0' && *text != ' ') text++;
        while (*text == ' ') text++;
    }
    while (*text != '\0' && *text != ' ' && *text != ';') instruction.name += *text++;
    if (instruction.name.empty() || instruction.name[0] == '/') return {};
    if (is(instruction, "BRA")) {
        // Its target is the last operand; a second predicate may stand before it.
        if (const char* target = std::strstr(text, "0x"))
            instruction.target = static_cast<unsigned>(std::strtoul(target, nullptr, 16));
        if (std::strstr(text, "P") != nullptr) instruction.predicated = true;
    }
    return instruction;
}

/// The best path from instruction `first` to `last`, both included.
Path walk(const std::vector<Instruction>& code, const std::map<unsigned, std::size_t>& at, std::size_t first, std::size_t last) {
    std::vector<Path> best(last - first + 1);
    best[0] = {0, 0, 0};
    for (std::size_t i = first; i <= last; i++) {
        Path& here = best[i - first];
        if (here.work < 0) continue;
        here.instructions++;
        const bool product = is(code[i], "HMMA");
        here.products += product;
        here.work += product || is(code[i], "LDSM") || is(code[i], "LDGSTS");
        if (i == last) return here;
        auto reach = [&](std::size_t next) {
            if (next > i && next <= last && here.better_than(best[next - first])) best[next - first] = here;
        };
        if (code[i].target) {
            if (auto target = at.find(*code[i].target); target != at.end()) reach(target->second);
            if (!code[i].predicated) continue;
        }
        if (is(code[i], "EXIT") && !code[i].predicated) continue;
        reach(i + 1);
    }
    return {};
}

void report(const std::string& kernel, char** origin, const std::vector<Instruction>& code) {
    std::map<unsigned, std::size_t> at;
    for (std::size_t i = 0; i < code.size(); i++) at[code[i].address] = i;
    Path best;
    for (std::size_t last = 0; last < code.size(); last++) {
        if (!code[last].target || *code[last].target >= code[last].address) continue;
        auto first = at.find(*code[last].target);
        if (first == at.end()) continue;
        const Path path = walk(code, at, first->second, last);
        if (path.products > 0 && path.better_than(best)) best = path;
    }
    if (best.work < 0) return;
    std::printf("{\"compiler\":\"%s\",\"arch\":\"%s\",\"kernel\":\"%s\",\"step_instructions\":%d,\"step_products\":%d}\n",
                origin[0], origin[1], kernel.c_str(), best.instructions, best.products);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::fprintf(stderr, "usage: cuobjdump -sass FILE.cubin | sass_count COMPILER ARCHITECTURE\n");
        return 2;
    }
    std::string line, kernel;
    std::vector<Instruction> code;
    while (std::getline(std::cin, line)) {
        if (const std::size_t at = line.find("Function : "); at != std::string::npos) {
            report(kernel, arguments + 1, code);
            kernel = line.substr(at + std::strlen("Function : "));
            code.clear();
        } else if (auto instruction = parse(line)) {
            code.push_back(*instruction);
        }
    }
    report(kernel, arguments + 1, code);
    return 0;
}
