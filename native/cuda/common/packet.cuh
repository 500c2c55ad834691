// Sixteen bytes at once: the widest access that a thread makes, eight bfloat16 or four float32.
#pragma once

#include "common/bfloat16.cuh"
#include "common/memory.cuh"

template <typename T>
struct alignas(16) Packet {
    static constexpr int kCount = 16 / static_cast<int>(sizeof(T));
    uint32 words[4];
};

RM_DEVICE void unpack(const Packet<float>& packet, float (&values)[4]) {
#pragma unroll
    for (int i = 0; i < 4; i++) values[i] = __uint_as_float(packet.words[i]);
}

RM_DEVICE void unpack(const Packet<bfloat16>& packet, float (&values)[8]) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        values[2 * i] = low_to_float(packet.words[i]);
        values[2 * i + 1] = high_to_float(packet.words[i]);
    }
}

RM_DEVICE void pack(const float (&values)[4], Packet<float>& packet) {
#pragma unroll
    for (int i = 0; i < 4; i++) packet.words[i] = __float_as_uint(values[i]);
}

RM_DEVICE void pack(const float (&values)[8], Packet<bfloat16>& packet) {
#pragma unroll
    for (int i = 0; i < 4; i++) packet.words[i] = to_bfloat16_pair(values[2 * i], values[2 * i + 1]);
}

#ifdef RM_EMULATOR

/// The packet whose first element is at `pointer`, which must be 16-byte aligned.
template <typename T, typename Space>
inline Packet<std::remove_const_t<T>> load_packet(::emu::Pointer<Space, T> pointer, ::emu::Where where = ::emu::Where::here()) {
    Packet<std::remove_const_t<T>> packet;
    Space::check_read(pointer.raw(), 16, 16, where);
    std::memcpy(&packet, pointer.raw(), 16);
    return packet;
}

template <typename T, typename Space>
inline void store_packet(::emu::Pointer<Space, T> pointer, const Packet<T>& packet, ::emu::Where where = ::emu::Where::here()) {
    Space::check_write(pointer.raw(), 16, 16, where);
    std::memcpy(pointer.raw(), &packet, 16);
}

/// Stores two neighbouring elements that lie in one word; `pointer` must be 4-byte aligned.
template <typename Space>
inline void store_pair(::emu::Pointer<Space, bfloat16> pointer, float first, float second,
                       ::emu::Where where = ::emu::Where::here()) {
    uint32 pair = to_bfloat16_pair(first, second);
    Space::check_write(pointer.raw(), 4, 4, where);
    std::memcpy(pointer.raw(), &pair, 4);
}

/// Stores two neighbouring elements at once; `pointer` must be 8-byte aligned.
template <typename Space>
inline void store_pair(::emu::Pointer<Space, float> pointer, float first, float second,
                       ::emu::Where where = ::emu::Where::here()) {
    const float pair[] = {first, second};
    Space::check_write(pointer.raw(), 8, 8, where);
    std::memcpy(pointer.raw(), pair, 8);
}

/// Loads two neighbouring elements that lie in one word; `pointer` must be 4-byte aligned.
template <typename Space, typename T>
inline uint32 load_pair(::emu::Pointer<Space, T> pointer, ::emu::Where where = ::emu::Where::here()) {
    static_assert(std::is_same_v<std::remove_const_t<T>, bfloat16>);
    uint32 pair;
    Space::check_read(pointer.raw(), 4, 4, where);
    std::memcpy(&pair, pointer.raw(), 4);
    return pair;
}

#else

template <typename T>
struct WithoutConst {
    using Type = T;
};
template <typename T>
struct WithoutConst<const T> {
    using Type = T;
};

template <typename T>
RM_DEVICE Packet<typename WithoutConst<T>::Type> load_packet(T* pointer) {
    return *reinterpret_cast<const Packet<typename WithoutConst<T>::Type>*>(pointer);
}

template <typename T>
RM_DEVICE void store_packet(T* pointer, const Packet<T>& packet) {
    *reinterpret_cast<Packet<T>*>(pointer) = packet;
}

RM_DEVICE void store_pair(bfloat16* pointer, float first, float second) {
    *reinterpret_cast<uint32*>(pointer) = to_bfloat16_pair(first, second);
}

struct alignas(8) FloatPair {
    float first, second;
};

RM_DEVICE void store_pair(float* pointer, float first, float second) {
    *reinterpret_cast<FloatPair*>(pointer) = FloatPair{first, second};
}

RM_DEVICE uint32 load_pair(const bfloat16* pointer) {
    return *reinterpret_cast<const uint32*>(pointer);
}

#endif
