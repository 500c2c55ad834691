// A small test runner: TEST(name) { ... }, checks that throw, one line a test.
#pragma once

#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>

namespace test {

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Registration {
    Registration(const char* name, void (*body)());
};

/// Runs the tests whose name contains the filter; returns the number of failures.
int run(const std::string& filter, bool list_only);

template <typename... Parts>
[[noreturn]] void fail(const char* file, int line, const Parts&... parts) {
    std::ostringstream text;
    text << file << ":" << line << ": ";
    (text << ... << parts);
    throw Failure(text.str());
}

}  // namespace test

#define TEST(name)                                                            \
    static void test_##name();                                                \
    static const test::Registration registration_##name(#name, &test_##name); \
    static void test_##name()

#define CHECK(condition, ...)                                                                                     \
    do {                                                                                                          \
        if (!(condition)) test::fail(__FILE__, __LINE__, "not true: " #condition " " __VA_OPT__(, ) __VA_ARGS__); \
    } while (false)

#define CHECK_EQUAL(actual, expected)                                                                    \
    do {                                                                                                 \
        auto actual_value = (actual);                                                                    \
        auto expected_value = (expected);                                                                \
        if (!(actual_value == expected_value)) {                                                         \
            test::fail(__FILE__, __LINE__, #actual " is ", actual_value, ", expected ", expected_value); \
        }                                                                                                \
    } while (false)
