#include "emulator/tests/test.h"

#include <cstdio>
#include <cstring>
#include <map>

namespace test {
namespace {

std::map<std::string, void (*)()>& tests() {
    static std::map<std::string, void (*)()> all;
    return all;
}

}  // namespace

Registration::Registration(const char* name, void (*body)()) {
    tests()[name] = body;
}

int run(const std::string& filter, bool list_only) {
    int failures = 0, ran = 0;
    for (const auto& [name, body] : tests()) {
        if (name.find(filter) == std::string::npos) continue;
        if (list_only) {
            std::printf("%s\n", name.c_str());
            continue;
        }
        ran++;
        try {
            body();
            std::printf("ok    %s\n", name.c_str());
        } catch (const std::exception& failure) {
            failures++;
            std::printf("FAIL  %s: %s\n", name.c_str(), failure.what());
        }
        std::fflush(stdout);
    }
    if (list_only) return 0;
    std::printf("%d tests, %d failed\n", ran, failures);
    // A filter that matches nothing is a mistake, not a success.
    return ran == 0 ? 1 : failures;
}

}  // namespace test

int main(int count, char** arguments) {
    bool list_only = count > 1 && std::strcmp(arguments[1], "--list") == 0;
    std::string filter = count > 1 && !list_only ? arguments[1] : "";
    return test::run(filter, list_only) == 0 ? 0 : 1;
}
