// The driver API of the emulator: misuse gives the codes that the real driver gives, and work runs late.
#include <cstring>
#include <thread>

#include "emulator/tests/gpu.h"

using namespace test;

namespace {

struct ForwardArgs {
    CUdeviceptr x, w, y, rstd;
    std::int32_t columns;
    float epsilon;
};

struct Stream {
    void* handle = nullptr;
    explicit Stream(unsigned flags = 1) { CHECK_CUDA(cuStreamCreate(&handle, flags)); }
    ~Stream() { cuStreamDestroy_v2(handle); }
};

struct Event {
    void* handle = nullptr;
    explicit Event(unsigned flags = 0) { CHECK_CUDA(cuEventCreate(&handle, flags)); }
    ~Event() { cuEventDestroy_v2(handle); }
};

template <typename T>
struct Pinned {
    T* values = nullptr;
    explicit Pinned(std::size_t count) {
        void* memory;
        CHECK_CUDA(cuMemHostAlloc(&memory, count * sizeof(T), 0));
        values = static_cast<T*>(memory);
        std::memset(values, 0, count * sizeof(T));
    }
    ~Pinned() { cuMemFreeHost(values); }
};

}  // namespace

TEST(driver_needs_a_context) {
    Gpu gpu;
    CHECK_CUDA(cuCtxSetCurrent(nullptr));
    CUdeviceptr memory;
    CHECK_EQUAL(cuMemAlloc_v2(&memory, 4), CUDA_ERROR_INVALID_CONTEXT);
    CHECK_EQUAL(cuCtxSynchronize(), CUDA_ERROR_INVALID_CONTEXT);
    CHECK_EQUAL(cuCtxSetCurrent(&memory), CUDA_ERROR_INVALID_CONTEXT);
    int device;
    CHECK_EQUAL(cuDeviceGet(&device, 1), CUDA_ERROR_INVALID_DEVICE);
}

TEST(driver_context_is_per_thread) {
    Gpu gpu;
    CUresult result = CUDA_SUCCESS;
    std::thread([&] {
        CUdeviceptr memory;
        result = cuMemAlloc_v2(&memory, 4);
    }).join();
    CHECK_EQUAL(result, CUDA_ERROR_INVALID_CONTEXT);
}

TEST(driver_released_context) {
    void* context;
    {
        Gpu gpu;
        CHECK_CUDA(cuCtxGetCurrent(&context));
        CHECK(context != nullptr);
    }
    CUdeviceptr memory;
    CHECK_EQUAL(cuMemAlloc_v2(&memory, 4), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    CHECK_EQUAL(cuDevicePrimaryCtxRelease_v2(0), CUDA_ERROR_INVALID_CONTEXT);
}

TEST(driver_out_of_memory) {
    Gpu gpu;
    CHECK_CUDA(btrmEmuSetMemory(1000, 4000));
    std::size_t free_bytes, total_bytes;
    CHECK_CUDA(cuMemGetInfo_v2(&free_bytes, &total_bytes));
    CHECK_EQUAL(free_bytes, std::size_t{1000});
    CHECK_EQUAL(total_bytes, std::size_t{4000});
    Buffer<char> first(600);
    CUdeviceptr memory;
    CHECK_EQUAL(cuMemAlloc_v2(&memory, 401), CUDA_ERROR_OUT_OF_MEMORY);
    Buffer<char> second(400);
    CHECK_CUDA(cuMemGetInfo_v2(&free_bytes, &total_bytes));
    CHECK_EQUAL(free_bytes, std::size_t{0});
    CHECK_EQUAL(cuMemAlloc_v2(&memory, ~std::size_t{0}), CUDA_ERROR_OUT_OF_MEMORY);
    CHECK_EQUAL(cuMemAlloc_v2(&memory, 0), CUDA_ERROR_INVALID_VALUE);
}

TEST(driver_copies_are_checked) {
    Gpu gpu;
    Buffer<int> buffer(4);
    int values[8] = {};
    CHECK_EQUAL(cuMemcpyHtoD_v2(buffer.address(), values, 20), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuMemcpyDtoH_v2(values, buffer.address() + 4, 16), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuMemcpyHtoD_v2(0, values, 4), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuMemsetD32Async(buffer.address() + 2, 0, 1, nullptr), CUDA_ERROR_INVALID_VALUE);
    // What was never written arrives as a poison.
    CHECK_CUDA(cuMemcpyHtoD_v2(buffer.address(), values, 8));
    CHECK_EQUAL(buffer.read()[1], 0);
    CHECK_EQUAL(buffer.read()[2], -1);
}

TEST(driver_launch_misuse) {
    Gpu gpu;
    void* kernel = gpu.function("rms_norm_forward_f32");
    ForwardArgs args{};
    void* parameters[] = {&args};
    CHECK_EQUAL(cuLaunchKernel(kernel, 0, 1, 1, 32, 1, 1, 0, nullptr, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuLaunchKernel(kernel, 1, 1, 1, 1025, 1, 1, 0, nullptr, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuLaunchKernel(kernel, 1, 65536, 1, 32, 1, 1, 0, nullptr, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, nullptr), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuLaunchKernel(&args, 1, 1, 1, 32, 1, 1, 0, nullptr, parameters, nullptr), CUDA_ERROR_INVALID_HANDLE);
    CHECK_EQUAL(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, &args, parameters, nullptr), CUDA_ERROR_INVALID_HANDLE);
    // More dynamic shared memory than 48 KiB must be asked for first, and only so much exists.
    CHECK_EQUAL(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 49153, nullptr, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuFuncSetAttribute(kernel, 8, 228 * 1024), CUDA_ERROR_INVALID_VALUE);
    CHECK_CUDA(btrmEmuSetArch(89));
    CHECK_EQUAL(cuFuncSetAttribute(kernel, 8, 100 * 1024), CUDA_ERROR_INVALID_VALUE);
    CHECK_CUDA(cuFuncSetAttribute(kernel, 8, 99 * 1024));
    CHECK_EQUAL(btrmEmuSetArch(75), CUDA_ERROR_INVALID_VALUE);
    // The kernel of the linear layer is bounded to 256 threads.
    CHECK_EQUAL(cuLaunchKernel(gpu.function("linear_forward_bf16"), 1, 1, 1, 288, 1, 1, 0, nullptr, parameters, nullptr),
                CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
    void* module;
    CHECK_CUDA(cuModuleLoadData(&module, "btrm linked kernels"));
    CHECK_EQUAL(cuModuleGetFunction(&kernel, module, "no_such_kernel"), CUDA_ERROR_NOT_FOUND);
    CHECK_CUDA(cuModuleUnload(module));
    CHECK_EQUAL(cuModuleUnload(module), CUDA_ERROR_INVALID_HANDLE);
}

TEST(driver_images) {
    // PTX for this architecture or an older one, with the kernels that it names and no others.
    Gpu gpu;
    void *module, *kernel;
    CHECK_CUDA(cuModuleLoadData(
        &module, "//\n.version 8.4\n.target sm_80\n.address_size 64\n.visible .entry linear_forward_bf16() { ret; }\n"));
    CHECK_CUDA(cuModuleGetFunction(&kernel, module, "linear_forward_bf16"));
    CHECK_EQUAL(cuModuleGetFunction(&kernel, module, "linear_backward_bf16"), CUDA_ERROR_NOT_FOUND);
    CHECK_CUDA(cuModuleUnload(module));
    CHECK_EQUAL(cuModuleLoadData(&module, "\n.version 8.4\n.target sm_100\n"), CUDA_ERROR_NO_BINARY_FOR_GPU);
    CHECK_CUDA(cuModuleLoadData(&module, "\n.version 8.4\n.target sm_90a\n"));
    CHECK_CUDA(cuModuleUnload(module));
    CHECK_CUDA(btrmEmuSetArch(100));
    CHECK_EQUAL(cuModuleLoadData(&module, "\n.version 8.4\n.target sm_90a\n"), CUDA_ERROR_NO_BINARY_FOR_GPU);
    CHECK_EQUAL(cuModuleLoadData(&module, "any image"), CUDA_ERROR_INVALID_IMAGE);
    CHECK_EQUAL(cuModuleLoadData(&module, ""), CUDA_ERROR_INVALID_IMAGE);
}

TEST(driver_parameter_buffer) {
    // The `extra` form: all parameters in one buffer, at their own alignment.
    Gpu gpu;
    Buffer<float> partial(std::vector<float>{1, 2, 3, 4}), dw(std::vector<float>{10, 20});
    struct {
        CUdeviceptr partial, dw;
        int splits, columns;
    } buffer{partial.address(), dw.address(), 2, 2};
    std::size_t bytes = sizeof buffer;
    void* extra[] = {reinterpret_cast<void*>(1), &buffer, reinterpret_cast<void*>(2), &bytes, nullptr};
    void* kernel = gpu.function("rms_norm_backward_f32_reduce");
    CHECK_CUDA(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, extra));
    CHECK(dw.read() == (std::vector<float>{14, 26}));
    bytes -= 4;
    CHECK_EQUAL(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, extra), CUDA_ERROR_INVALID_VALUE);
}

TEST(driver_pinned_copies_land_late) {
    Gpu gpu;
    Stream stream;
    Buffer<int> buffer(1);
    Pinned<int> in(1), out(1);
    *in.values = 1;
    CHECK_CUDA(cuMemcpyHtoDAsync_v2(buffer.address(), in.values, 4, stream.handle));
    *in.values = 2;  // too early: the copy has not been waited for
    CHECK_CUDA(cuMemcpyDtoHAsync_v2(out.values, buffer.address(), 4, stream.handle));
    CHECK_EQUAL(*out.values, 0);
    CHECK_CUDA(cuStreamSynchronize(stream.handle));
    CHECK_EQUAL(*out.values, 2);
    // Pageable memory is staged: the source may be reused at once, and the target is there on return.
    int pageable = 3, result = 0;
    CHECK_CUDA(cuMemcpyHtoDAsync_v2(buffer.address(), &pageable, 4, stream.handle));
    pageable = 4;
    CHECK_CUDA(cuMemcpyDtoHAsync_v2(&result, buffer.address(), 4, stream.handle));
    CHECK_EQUAL(result, 3);
}

TEST(driver_streams_need_events) {
    // Without an event the two streams run in an order that the seed chooses; with one, the order is the program's.
    int late = 0;
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
        for (bool waits : {false, true}) {
            Gpu gpu(seed);
            Stream producer, consumer;
            Event ready(2);
            Buffer<int> buffer(std::vector<int>{7});
            Pinned<int> out(1);
            CHECK_CUDA(cuMemsetD32Async(buffer.address(), 8, 1, producer.handle));
            CHECK_CUDA(cuEventRecord(ready.handle, producer.handle));
            if (waits) CHECK_CUDA(cuStreamWaitEvent(consumer.handle, ready.handle, 0));
            CHECK_CUDA(cuMemcpyDtoHAsync_v2(out.values, buffer.address(), 4, consumer.handle));
            CHECK_CUDA(cuCtxSynchronize());
            if (waits) CHECK_EQUAL(*out.values, 8);
            if (!waits && *out.values == 7) late++;
        }
    }
    CHECK(late > 0 && late < 20, "the consumer was early in ", late, " of 20 seeds");
}

TEST(driver_default_stream_orders_blocking_streams) {
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
        Gpu gpu(seed);
        Stream blocking(0);
        Buffer<int> buffer(std::vector<int>{1});
        Pinned<int> out(1);
        CHECK_CUDA(cuMemsetD32Async(buffer.address(), 2, 1, blocking.handle));
        CHECK_CUDA(cuMemsetD32Async(buffer.address(), 3, 1, nullptr));
        CHECK_CUDA(cuMemcpyDtoHAsync_v2(out.values, buffer.address(), 4, blocking.handle));
        CHECK_CUDA(cuStreamSynchronize(blocking.handle));
        CHECK_EQUAL(*out.values, 3);
    }
}

TEST(driver_events) {
    Gpu gpu;
    Stream stream;
    Event start, end, untimed(2);
    Buffer<int> buffer(1);
    CHECK_CUDA(cuEventQuery(start.handle));
    CHECK_CUDA(cuEventRecord(start.handle, stream.handle));
    CHECK_CUDA(cuMemsetD32Async(buffer.address(), 0, 1, stream.handle));
    CHECK_CUDA(cuEventRecord(end.handle, stream.handle));
    float milliseconds = -1;
    CHECK_EQUAL(cuEventElapsedTime(&milliseconds, start.handle, end.handle), CUDA_ERROR_NOT_READY);
    CHECK_EQUAL(cuEventQuery(end.handle), CUDA_ERROR_NOT_READY);
    CHECK_CUDA(cuEventSynchronize(end.handle));
    CHECK_CUDA(cuEventElapsedTime(&milliseconds, start.handle, end.handle));
    CHECK(milliseconds >= 0);
    CHECK_EQUAL(cuEventElapsedTime(&milliseconds, start.handle, untimed.handle), CUDA_ERROR_INVALID_HANDLE);
    CHECK_EQUAL(cuEventRecord(&gpu, stream.handle), CUDA_ERROR_INVALID_HANDLE);
    // A loop of queries ends.
    CHECK_CUDA(cuMemsetD32Async(buffer.address(), 0, 1, stream.handle));
    int queries = 0;
    while (cuStreamQuery(stream.handle) == CUDA_ERROR_NOT_READY) CHECK(++queries < 100);
}

TEST(driver_graphs) {
    Gpu gpu;
    Stream stream, side;
    Event fork(2), join(2);
    Buffer<float> partial(std::vector<float>{1, 2}), dw(std::vector<float>{0, 0});
    CUdeviceptr partial_address = partial.address(), dw_address = dw.address();
    int splits = 1, columns = 2;
    void* parameters[] = {&partial_address, &dw_address, &splits, &columns};
    void* kernel = gpu.function("rms_norm_backward_f32_reduce");
    CHECK_CUDA(cuStreamBeginCapture_v2(stream.handle, 0));
    CHECK_EQUAL(cuStreamSynchronize(stream.handle), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CHECK_CUDA(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, stream.handle, parameters, nullptr));
    CHECK_CUDA(cuEventRecord(fork.handle, stream.handle));
    CHECK_CUDA(cuStreamWaitEvent(side.handle, fork.handle, 0));
    CHECK_CUDA(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, side.handle, parameters, nullptr));
    CHECK_CUDA(cuEventRecord(join.handle, side.handle));
    CHECK_CUDA(cuStreamWaitEvent(stream.handle, join.handle, 0));
    void *graph, *executable;
    CHECK_CUDA(cuStreamEndCapture(stream.handle, &graph));
    CHECK(dw.read() == (std::vector<float>{0, 0}));
    CHECK_CUDA(cuGraphInstantiateWithFlags(&executable, graph, 0));
    CHECK_CUDA(cuGraphDestroy(graph));
    for (int i = 0; i < 3; i++) CHECK_CUDA(cuGraphLaunch(executable, stream.handle));
    CHECK_CUDA(cuStreamSynchronize(stream.handle));
    CHECK(dw.read() == (std::vector<float>{6, 12}));
    CHECK_CUDA(cuGraphExecDestroy(executable));
    CHECK_EQUAL(cuGraphLaunch(executable, stream.handle), CUDA_ERROR_INVALID_HANDLE);
}

TEST(driver_eager_launch_returns_its_error) {
    Gpu gpu;
    btrmEmuSetEager(1);
    Buffer<float> out(100);
    CHECK_EQUAL(gpu.launch("planted_global_bounds", 1, 128, 0, out.address(), 100, 0), CUDA_ERROR_ILLEGAL_ADDRESS);
}

TEST(driver_tensor_map_misuse) {
    Gpu gpu;
    Buffer<std::uint16_t> tensor(64 * 64);
    struct alignas(64) Map {
        char bytes[128];
    } map;
    const std::uint64_t sizes[] = {64, 64}, strides[] = {128}, odd_strides[] = {120};
    const std::uint32_t box[] = {64, 8}, wide_box[] = {128, 8}, big_box[] = {64, 257}, steps[] = {1, 1};
    CHECK_CUDA(cuTensorMapEncodeTiled(&map, 9, 2, tensor.address(), sizes, strides, box, steps, 0, 3, 0, 0));
    CHECK_EQUAL(cuTensorMapEncodeTiled(&map, 9, 2, tensor.address() + 8, sizes, strides, box, steps, 0, 3, 0, 0),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuTensorMapEncodeTiled(&map, 9, 2, tensor.address(), sizes, odd_strides, box, steps, 0, 3, 0, 0),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuTensorMapEncodeTiled(&map, 9, 2, tensor.address(), sizes, strides, wide_box, steps, 0, 3, 0, 0),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuTensorMapEncodeTiled(&map, 9, 2, tensor.address(), sizes, strides, big_box, steps, 0, 3, 0, 0),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cuTensorMapEncodeTiled(&map, 9, 6, tensor.address(), sizes, strides, box, steps, 0, 3, 0, 0),
                CUDA_ERROR_INVALID_VALUE);
}

TEST(driver_names_and_entry_points) {
    const char* text = nullptr;
    CHECK_CUDA(cuGetErrorName(700, &text));
    CHECK_EQUAL(std::string(text), "CUDA_ERROR_ILLEGAL_ADDRESS");
    CHECK_EQUAL(cuGetErrorString(123456, &text), CUDA_ERROR_INVALID_VALUE);
    void* function = nullptr;
    int status = -1;
    CHECK_CUDA(cuGetProcAddress_v2("cuMemAlloc", &function, 12000, 0, &status));
    CHECK(function == reinterpret_cast<void*>(&cuMemAlloc_v2));
    CHECK_EQUAL(cuGetProcAddress_v2("cuNoSuchCall", &function, 12000, 0, &status), CUDA_ERROR_NOT_FOUND);
    CHECK_EQUAL(status, 1);
}

TEST(driver_counters_and_layouts) {
    Gpu gpu;
    std::uint64_t counters[6];
    {
        Buffer<float> partial(std::vector<float>{1, 2}), dw(std::vector<float>{0, 0});
        CHECK_CUDA(gpu.launch("rms_norm_backward_f32_reduce", 2, 32, 0, partial.address(), dw.address(), 1, 2));
    }
    btrmEmuCounters(counters);
    CHECK_EQUAL(counters[0], std::uint64_t{1});
    CHECK_EQUAL(counters[1], std::uint64_t{2});
    CHECK_EQUAL(counters[2], std::uint64_t{2});
    CHECK_EQUAL(counters[3], std::uint64_t{16});
    CHECK_EQUAL(counters[4], counters[5]);
    char text[512];
    CHECK(btrmEmuStructLayout("RmsNormForwardArgs", text, sizeof text) > 0);
    CHECK_EQUAL(std::string(text), "40;x:0:8;w:8:8;y:16:8;rstd:24:8;columns:32:4;epsilon:36:4;");
    CHECK_EQUAL(btrmEmuStructLayout("NoSuchArgs", text, sizeof text), 0);
}

TEST(driver_memory_is_reused) {
    // More is allocated and freed in turn than the whole address range holds: 64 GiB in steps of 1 GiB.
    Gpu gpu;
    for (int i = 0; i < 100; i++) {
        CUdeviceptr memory;
        CHECK_CUDA(cuMemAlloc_v2(&memory, 1ull << 30));
        CHECK_CUDA(cuMemsetD8Async(memory + (1ull << 30) - 8, 1, 8, nullptr));
        CHECK_CUDA(cuMemFree_v2(memory));
    }
    CHECK(leak_report().empty(), leak_report());
}
