using System.Collections.Concurrent;
using System.Reflection;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>
/// The compiled kernels that this assembly carries, one <see cref="KernelImageFile"/> a target, read at first use. A build without
/// <c>-p:KernelImages=FOLDER</c>, as a developer's, has none.
/// </summary>
internal static class EmbeddedImages
{
    private const string Prefix = "images/";

    private static readonly Assembly Assembly = typeof(EmbeddedImages).Assembly;
    private static readonly ConcurrentDictionary<string, KernelImageFile> Files = new(StringComparer.Ordinal);

    /// <summary>Targets that there are images for, in order: compute_80, sm_80, sm_86.</summary>
    public static IReadOnlyList<string> Targets { get; } =
    [
        .. Assembly.GetManifestResourceNames().Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(static name => name[Prefix.Length..]).Order(StringComparer.Ordinal),
    ];

    /// <summary>Bytes that they take in the assembly.</summary>
    public static long CompressedBytes => Targets.Sum(static target =>
    {
        using Stream stream = Open(target);
        return stream.Length;
    });

    /// <summary>The images of <paramref name="target"/>, or null when there are none.</summary>
    public static KernelImageFile? Find(string target) => Targets.Contains(target)
        ? Files.GetOrAdd(target, static name =>
        {
            using Stream stream = Open(name);
            return KernelImageFile.Read(stream);
        })
        : null;

    private static Stream Open(string target) => Assembly.GetManifestResourceStream(Prefix + target)!;
}
