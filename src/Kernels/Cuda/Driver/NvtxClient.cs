using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// A client of NVTX version 3, which is no library to link with but an agreement between a program and the tool that watches it: the tool
/// names itself in <c>NVTX_INJECTION64_PATH</c> (nsys and ncu set it for the programs they start), the program loads that library at its
/// first range and hands it tables, and the tool writes its own functions into them. Without the variable nothing is loaded. Source: the
/// headers of NVTX 3 (nvtxDetail/nvtxInit.h, nvtxTypes.h).
/// </summary>
internal static unsafe class NvtxClient
{
    private const string Variable = "NVTX_INJECTION64_PATH";
    private const string EntryPoint = "InitializeInjectionNvtx2";

    // NvtxExportTableID, NvtxCallbackModule and NvtxCallbackIdCore.
    private const uint CallbackTable = 1;
    private const uint VersionTable = 3;
    private const int CoreModule = 1;
    private const int RangePushA = 9;
    private const int RangePop = 11;
    private const uint ApiVersion = 3;

    // Functions of each module, the unused number 0 included: core, CUDA, OpenCL, CUDA runtime, core 2, synchronisation.
    private static readonly int[] ModuleSizes = [0, 16, 9, 15, 7, 16, 7];

    // Each module's array of addresses of slots; the tool keeps them, so they live as long as the process.
    private static readonly nint[] Modules = [.. ModuleSizes.Select(NewModule)];
    private static readonly NativeCallbackTable* Callbacks = Keep(new NativeCallbackTable
    {
        Bytes = (nuint)sizeof(NativeCallbackTable),
        GetModule = &GetModule,
    });

    private static readonly NativeVersionTable* Versions = Keep(new NativeVersionTable
    {
        Bytes = (nuint)sizeof(NativeVersionTable),
        Version = ApiVersion,
        SetToolVersion = &SetToolVersion,
    });

    /// <summary>
    /// Whether a tool wants ranges. Read by every range: fixed at the first one, so that without a tool the test costs nothing.
    /// </summary>
    public static readonly bool IsActive = Attach(Environment.GetEnvironmentVariable(Variable));

    /// <summary>Opens a range on this thread; the text ends with a zero byte. Only when <see cref="IsActive"/>.</summary>
    public static void Push(byte* name) => _ = ((delegate* unmanaged<byte*, int>)Function(RangePushA))(name);

    /// <summary>Closes the thread's innermost range. Only when <see cref="IsActive"/>.</summary>
    public static void Pop() => _ = ((delegate* unmanaged<int>)Function(RangePop))();

    private static nint Function(int number) => *(nint*)((nint*)Modules[CoreModule])[number];

    // A tool that cannot be loaded is no reason to fail: ranges are a help to look at a run, never part of it.
    private static bool Attach(string? path) =>
        !string.IsNullOrEmpty(path)
        && NativeLibrary.TryLoad(path, out nint library)
        && NativeLibrary.TryGetExport(library, EntryPoint, out nint entry)
        && ((delegate* unmanaged<delegate* unmanaged<uint, void*>, int>)entry)(&GetExportTable) != 0
        && Function(RangePushA) != 0
        && Function(RangePop) != 0;

    [UnmanagedCallersOnly]
    private static void* GetExportTable(uint id) => id switch
    {
        CallbackTable => Callbacks,
        VersionTable => Versions,
        _ => null,
    };

    [UnmanagedCallersOnly]
    private static int GetModule(int module, nint** table, uint* size)
    {
        if (module < CoreModule || module >= ModuleSizes.Length)
        {
            return 0;
        }

        if (table != null)
        {
            *table = (nint*)Modules[module];
        }

        if (size != null)
        {
            *size = (uint)ModuleSizes[module];
        }

        return 1;
    }

    [UnmanagedCallersOnly]
    private static void SetToolVersion(uint version)
    {
        // What the tool says of itself; nothing here depends on it.
    }

    // Slots for functions and the table of their addresses: entry 0 and one past the end are null.
    private static nint NewModule(int size)
    {
        nint* slots = (nint*)NativeMemory.AllocZeroed((nuint)(size + 1), (nuint)sizeof(nint));
        nint* table = (nint*)NativeMemory.AllocZeroed((nuint)(size + 1), (nuint)sizeof(nint));
        for (int i = 1; i < size; i++)
        {
            table[i] = (nint)(slots + i);
        }

        return (nint)table;
    }

    private static T* Keep<T>(T value)
        where T : unmanaged
    {
        var memory = (T*)NativeMemory.AllocZeroed((nuint)sizeof(T));
        *memory = value;
        return memory;
    }

    /// <summary>NvtxExportTableCallbacks.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct NativeCallbackTable
    {
        public nuint Bytes;
        public delegate* unmanaged<int, nint**, uint*, int> GetModule;
    }

    /// <summary>NvtxExportTableVersionInfo.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct NativeVersionTable
    {
        public nuint Bytes;
        public uint Version;
        public uint Reserved;
        public delegate* unmanaged<uint, void> SetToolVersion;
    }
}
