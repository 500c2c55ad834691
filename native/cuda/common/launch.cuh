// How a kernel is made known to the emulator. On a GPU both macros are nothing.
//
// RM_KERNEL(name) or RM_KERNEL(name, max_threads), once for each kernel at the end of its .cu file, without a semicolon:
// registers the kernel under its name; a launch with more threads a block is then refused, as __launch_bounds__ does.
// RM_LAYOUT(Struct, RM_FIELD(Struct, a), ...) publishes the layout of a launch-argument structure, which a test compares with C#.
#pragma once

#include "common/platform.cuh"

#ifdef RM_EMULATOR
#define RM_KERNEL(name, ...)                                                                    \
    static const ::emu::KernelRegistration rm_registration_##name(#name, &::emu::invoke<&name>, \
                                                                  ::emu::parameters_of(&name) __VA_OPT__(, ) __VA_ARGS__);
#define RM_FIELD(type, field)                              \
    ::emu::FieldInfo {                                     \
#field, offsetof(type, field), sizeof(type::field) \
    }
#define RM_LAYOUT(type, ...) static const ::emu::LayoutRegistration rm_layout_##type(#type, sizeof(type), {__VA_ARGS__});
#else
#define RM_KERNEL(...)
#define RM_FIELD(...)
#define RM_LAYOUT(...)
#endif
