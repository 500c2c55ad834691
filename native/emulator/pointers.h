// Checked pointers: what GlobalPtr and SharedPtr of common/memory.cuh are under the emulator. They have the size and layout of
// a raw pointer, so launch arguments are the same bytes everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "emulator/block.h"
#include "emulator/defect.h"
#include "emulator/global_memory.h"
#include "emulator/shared_memory.h"

namespace emu {

struct GlobalSpace {
    static void check_read(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
        check_global_read(pointer, bytes, alignment, where);
    }
    static void check_write(void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
        check_global_write(pointer, bytes, alignment, where);
    }
    static void check_atomic(void* pointer, std::uint32_t bytes, Where where) { check_global_read(pointer, bytes, bytes, where); }
};

struct SharedSpace {
    static void check_read(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
        current_block->shared->read(pointer, bytes, alignment, where);
    }
    static void check_write(void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
        current_block->shared->write(pointer, bytes, alignment, where);
    }
    static void check_atomic(void* pointer, std::uint32_t bytes, Where where) {
        current_block->shared->change_atomically(pointer, bytes, where);
    }
};

/// One element in a memory space: reading and writing it are checked.
template <typename Space, typename T>
class Element {
public:
    using Value = std::remove_const_t<T>;

    Element(T* pointer, Where where) : pointer_(pointer), where_(where) {}
    Element(const Element&) = default;

    operator Value() const { return load(); }

    Value load() const {
        Space::check_read(pointer_, sizeof(T), alignof(T), where_);
        Value value;
        std::memcpy(&value, pointer_, sizeof(T));
        return value;
    }

    const Element& operator=(const Value& value) const {
        static_assert(!std::is_const_v<T>, "assignment through a pointer to const");
        Space::check_write(pointer_, sizeof(T), alignof(T), where_);
        std::memcpy(pointer_, &value, sizeof(T));
        return *this;
    }
    const Element& operator=(const Element& other) const { return *this = other.load(); }
    const Element& operator+=(const Value& value) const { return *this = static_cast<Value>(load() + value); }
    const Element& operator-=(const Value& value) const { return *this = static_cast<Value>(load() - value); }
    const Element& operator*=(const Value& value) const { return *this = static_cast<Value>(load() * value); }

private:
    T* pointer_;
    Where where_;
};

template <typename Space, typename T>
class Pointer {
public:
    Pointer() = default;
    constexpr Pointer(std::nullptr_t) : raw_(nullptr) {}
    explicit constexpr Pointer(T* raw) : raw_(raw) {}
    /// To a pointer to const, as raw pointers convert.
    template <typename Other>
    requires(std::is_same_v<const Other, T>) constexpr Pointer(Pointer<Space, Other> other) : raw_(other.raw()) {}

    Element<Space, T> operator[](Index index) const { return {raw_ + index.value, index.where}; }

    Pointer operator+(std::ptrdiff_t count) const { return Pointer(raw_ + count); }
    Pointer operator-(std::ptrdiff_t count) const { return Pointer(raw_ - count); }
    Pointer& operator+=(std::ptrdiff_t count) {
        raw_ += count;
        return *this;
    }
    std::ptrdiff_t operator-(Pointer other) const { return raw_ - other.raw_; }
    bool operator==(const Pointer&) const = default;
    bool operator==(std::nullptr_t) const { return raw_ == nullptr; }

    T* raw() const { return raw_; }

private:
    T* raw_;
};

template <typename T>
using GlobalPointer = Pointer<GlobalSpace, T>;
template <typename T>
using SharedPointer = Pointer<SharedSpace, T>;

static_assert(sizeof(GlobalPointer<float>) == sizeof(float*) && std::is_trivially_copyable_v<GlobalPointer<float>>);

}  // namespace emu
