// Defects planted into PTX: each must be found, at its line, whatever the schedule; the sound twin must run.
#include <algorithm>
#include <sstream>

#include "emulator/tests/gpu.h"
#include "emulator/tests/ptx_planted.h"

using test::Buffer;
using test::Gpu;
using test::last_report;
using test::PlantedPtx;

namespace {

constexpr const char* kHead = R"(.version 8.4
.target sm_90a
.address_size 64
.shared .align 1024 .b8 buffer[4096];
.visible .entry planted(.param .u64 in, .param .u64 out)
{
    .reg .pred %p<8>;
    .reg .b32 %r<32>;
    .reg .f32 %f<16>;
    .reg .b64 %rd<16>;
    ld.param.u64 %rd1, [in];
    ld.param.u64 %rd2, [out];
    mov.u32 %r1, %tid.x;
    and.b32 %r2, %r1, 31;
    shr.u32 %r3, %r1, 5;
    mov.u32 %r4, buffer;
    shl.b32 %r5, %r1, 2;
    add.u32 %r5, %r5, %r4;
)";

// Zeros in the operands, written where the asynchronous proxy sees them; a descriptor with 128 bytes between cells both ways.
constexpr const char* kProductHead = R"(    mov.u32 %r20, 0;
    st.shared.u32 [%r5], %r20;
    st.shared.u32 [%r5+512], %r20;
    st.shared.u32 [%r5+1024], %r20;
    st.shared.u32 [%r5+1536], %r20;
    fence.proxy.async.shared::cta;
    bar.sync 0;
    mov.f32 %f0, 0f00000000;
    mov.f32 %f1, 0f00000000;
    mov.f32 %f2, 0f00000000;
    mov.f32 %f3, 0f00000000;
    shr.u32 %r21, %r4, 4;
    cvt.u64.u32 %rd10, %r21;
    or.b64 %rd10, %rd10, 0x0000001000080000;
)";

struct Text {
    std::string text;
    std::vector<int> lines;
};

Text make(const std::string& head, const PlantedPtx& planted, bool sound) {
    Text made{head, {}};
    std::istringstream body(planted.body);
    for (std::string line; std::getline(body, line);) {
        if (line[0] == (sound ? '?' : '!')) continue;
        if (line[0] == '?' || line[0] == '!') line[0] = ' ';
        made.text += line + "\n";
        if (line.find("// here") == std::string::npos) continue;
        made.lines.push_back(static_cast<int>(std::count(made.text.begin(), made.text.end(), '\n')));
    }
    made.text += "    ret;\n}\n";
    return made;
}

CUresult run(const std::string& text, unsigned threads, unsigned shared) {
    void *module, *function;
    if (CUresult loaded = cuModuleLoadData(&module, text.c_str()); loaded != CUDA_SUCCESS) return loaded;
    CHECK_CUDA(cuModuleGetFunction(&function, module, "planted"));
    Buffer<float> in(std::vector<float>(1024, 1.0f)), out(1024);
    CUdeviceptr addresses[] = {in.address(), out.address()};
    void* parameters[] = {&addresses[0], &addresses[1]};
    CHECK_CUDA(cuLaunchKernel(function, 1, 1, 1, threads, 1, 1, shared, nullptr, parameters, nullptr));
    return cuCtxSynchronize();
}

void check(const std::string& head, const PlantedPtx& planted) {
    for (std::uint64_t seed = 1; seed <= 4; seed++) {
        {
            Gpu gpu(seed);
            Text sound = make(head, planted, true);
            CUresult result = run(sound.text, planted.threads, planted.dynamic_shared);
            CHECK(result == CUDA_SUCCESS, planted.name, ", sound: ", last_report());
        }
        Gpu gpu(seed);
        Text defective = make(head, planted, false);
        CUresult result = run(defective.text, planted.threads, planted.dynamic_shared);
        CHECK(result != CUDA_SUCCESS, planted.name, ": the defect was not found");
        const std::string report = last_report();
        bool named = false, placed = false;
        std::istringstream names(planted.expected);
        for (std::string name; names >> name;) named = named || report.rfind(name + ":", 0) == 0;
        for (int line : defective.lines)
            placed = placed || report.find("PTX line " + std::to_string(line) + ":") != std::string::npos;
        CHECK(named && placed, planted.name, ": ", report);
        CHECK(report.find("kernel planted, block (0,0,0), warp ") != std::string::npos, report);
    }
}

}  // namespace

TEST(ptx_defects) {
    for (const PlantedPtx& planted : test::kPlantedPtx) check(kHead, planted);
}

TEST(ptx_defects_of_products) {
    for (const PlantedPtx& planted : test::kPlantedProducts) check(std::string(kHead) + kProductHead, planted);
}

TEST(ptx_missing_instruction_is_named) {
    Gpu gpu;
    const std::string text = std::string(kHead) + "    tcgen05.wait::ld.sync.aligned;\n    ret;\n}\n";
    CHECK_EQUAL(run(text, 32, 0), CUDA_ERROR_INVALID_PTX);
    CHECK(last_report().find(
              "line 19: the instruction 'tcgen05.wait::ld.sync.aligned' is not one that this machine has, in kernel planted") !=
              std::string::npos,
          last_report());
}

TEST(ptx_lanes_of_a_warp_make_progress_apart) {
    // Every lane takes a lock that only another lane of the warp can give back: a warp whose lanes wait for each other at the
    // branch hangs.
    Gpu gpu;
    const std::string text = std::string(kHead) + R"(
    setp.eq.u32 %p1, %r1, 0;
    mov.u32 %r20, 0;
    @%p1 st.shared.u32 [%r4], %r20;
    bar.sync 0;
TAKE:
    atom.shared.cas.b32 %r10, [%r4], 0, 1;
    setp.ne.u32 %p2, %r10, 0;
    @%p2 bra TAKE;
    atom.shared.exch.b32 %r11, [%r4], 0;
    ret;
}
)";
    CHECK_EQUAL(run(text, 64, 0), CUDA_SUCCESS);
}
