using System.Reflection;
using System.Text;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>
/// The CUDA sources embedded in this assembly (native/cuda): units are the .cu files, headers common/*.cuh. A kernel is found by
/// the <c>RM_KERNEL(name)</c> line that ends its file.
/// </summary>
internal sealed class KernelSources
{
    private const string Prefix = "cuda/";
    private const string KernelLine = "RM_KERNEL(";

    private readonly Dictionary<string, string> _unitOfKernel = new(StringComparer.Ordinal);

    /// <summary>Sources by their name below native/cuda, with forward slashes.</summary>
    /// <exception cref="InvalidDataException">Two units define one kernel.</exception>
    public KernelSources(IReadOnlyDictionary<string, string> units, IReadOnlyDictionary<string, string> headers)
    {
        Units = units;
        Headers = headers;
        foreach ((string unit, string text) in units)
        {
            foreach (string kernel in KernelsOf(text))
            {
                if (!_unitOfKernel.TryAdd(kernel, unit))
                {
                    throw new InvalidDataException($"Kernel {kernel} is defined in both {_unitOfKernel[kernel]} and {unit}.");
                }
            }
        }
    }

    /// <summary>The sources in this assembly.</summary>
    public static KernelSources Embedded { get; } = ReadEmbedded();

    /// <summary>Text of every .cu file.</summary>
    public IReadOnlyDictionary<string, string> Units { get; }

    /// <summary>Text of every .cuh file.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    /// <summary>Names of all kernels.</summary>
    public IEnumerable<string> Kernels => _unitOfKernel.Keys.Order(StringComparer.Ordinal);

    /// <summary>The .cu file that defines <paramref name="kernel"/>.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public string UnitOf(string kernel) => _unitOfKernel.TryGetValue(kernel, out string? unit)
        ? unit
        : throw new ArgumentException($"No embedded .cu file has the line RM_KERNEL({kernel}).", nameof(kernel));

    /// <summary>The kernels that <paramref name="unit"/> defines, on the architectures that it has any for.</summary>
    public IEnumerable<string> KernelsIn(string unit) =>
        _unitOfKernel.Where(entry => entry.Value == unit).Select(static entry => entry.Key);

    private static IEnumerable<string> KernelsOf(string text)
    {
        foreach (string line in text.Split('\n'))
        {
            if (line.StartsWith(KernelLine, StringComparison.Ordinal) && line.IndexOf(')', StringComparison.Ordinal) is > 0 and int end)
            {
                // A second argument is the launch bound.
                yield return line[KernelLine.Length..end].Split(',')[0].Trim();
            }
        }
    }

    private static KernelSources ReadEmbedded()
    {
        Assembly assembly = typeof(KernelSources).Assembly;
        Dictionary<string, string> units = new(StringComparer.Ordinal);
        Dictionary<string, string> headers = new(StringComparer.Ordinal);
        foreach (string resource in assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
        {
            if (!resource.StartsWith(Prefix, StringComparison.Ordinal))
            {
                continue;
            }

            // A build on Windows names nested files with backslashes.
            string name = resource[Prefix.Length..].Replace('\\', '/');
            using StreamReader reader = new(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
            (name.EndsWith(".cu", StringComparison.Ordinal) ? units : headers).Add(name, reader.ReadToEnd());
        }

        return new KernelSources(units, headers);
    }
}
