using System.IO.Compression;
using System.Text;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>
/// Compiled kernels of one target, as a release carries them: for every .cu file an image and the key of the sources that it was made from
/// (<see cref="KernelCacheKey.OfSources"/>), by which an image that has outlived its sources is told.
/// </summary>
/// <remarks>
/// File: one Brotli stream of a magic word, compiler, target, the number of units, and for each its name, key, length and image; strings
/// and numbers as <see cref="BinaryWriter"/> writes them. PTX ends with a zero byte.
/// </remarks>
internal sealed class KernelImageFile
{
    /// <summary>Target of the PTX that serves GPUs which no machine code is for.</summary>
    public const string PortableTarget = "compute_80";

    private const string Magic = "btrm kernel images 1";
    private const int BrotliQuality = 11; // slow, but once a publish: 9 leaves a third more
    private const int BrotliWindow = 24;

    private readonly Dictionary<string, (KernelCacheKey Key, byte[] Image)> _units = new(StringComparer.Ordinal);

    /// <summary>An empty file for <paramref name="target"/>.</summary>
    public KernelImageFile(string target, string compiler)
    {
        Target = target;
        Compiler = compiler;
    }

    /// <summary>sm_80, sm_90a, compute_80.</summary>
    public string Target { get; }

    /// <summary>Who compiled: "NVRTC 12.4".</summary>
    public string Compiler { get; }

    /// <summary>Number of units.</summary>
    public int Count => _units.Count;

    /// <summary>Adds the image of <paramref name="unit"/>, compiled from the sources of <paramref name="key"/>.</summary>
    public void Add(string unit, KernelCacheKey key, byte[] image) => _units.Add(unit, (key, image));

    /// <summary>Whether every image was made from just these sources.</summary>
    public bool IsCurrent(KernelSources sources) => _units.Keys.All(unit => Find(unit, sources, out _) is not null);

    /// <summary>The image of <paramref name="unit"/> as <paramref name="sources"/> have it; null when there is none.</summary>
    /// <param name="unit">Name of the .cu file.</param>
    /// <param name="sources">What the image must have been made from.</param>
    /// <param name="stale">Whether there is an image, made from other sources: it must not be used.</param>
    public byte[]? Find(string unit, KernelSources sources, out bool stale)
    {
        if (!_units.TryGetValue(unit, out (KernelCacheKey Key, byte[] Image) found))
        {
            stale = false;
            return null;
        }

        stale = !sources.Units.ContainsKey(unit) || !found.Key.Bytes.SequenceEqual(KernelCacheKey.OfSources(sources, unit).Bytes);
        return stale ? null : found.Image;
    }

    /// <summary>Writes the file.</summary>
    public void Write(Stream target)
    {
        using MemoryStream plain = new();
        using (BinaryWriter writer = new(plain, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Magic);
            writer.Write(Compiler);
            writer.Write(Target);
            writer.Write(_units.Count);
            foreach ((string unit, (KernelCacheKey key, byte[] image)) in _units.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
            {
                writer.Write(unit);
                writer.Write(key.Bytes);
                writer.Write(image.Length);
                writer.Write(image);
            }
        }

        ReadOnlySpan<byte> bytes = plain.GetBuffer().AsSpan(0, (int)plain.Length);
        byte[] packed = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
        if (!BrotliEncoder.TryCompress(bytes, packed, out int length, BrotliQuality, BrotliWindow))
        {
            throw new InvalidOperationException($"The images of {Target} do not fit the buffer for their compressed form.");
        }

        target.Write(packed, 0, length);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The bytes are something else, or damaged.</exception>
    public static KernelImageFile Read(Stream source)
    {
        try
        {
            using BinaryReader reader = new(new BrotliStream(source, CompressionMode.Decompress), Encoding.UTF8);
            if (reader.ReadString() != Magic)
            {
                throw new InvalidDataException("These are no kernel images of this version of btrm.");
            }

            string compiler = reader.ReadString();
            KernelImageFile file = new(reader.ReadString(), compiler);
            int count = reader.ReadInt32();
            for (int i = 0; i < count; i++)
            {
                string unit = reader.ReadString();
                var key = KernelCacheKey.FromBytes(ReadExactly(reader, KernelCacheKey.Size));
                file.Add(unit, key, ReadExactly(reader, reader.ReadInt32()));
            }

            return file;
        }
        catch (Exception damage) when (damage is IOException or FormatException or ArgumentException or InvalidOperationException)
        {
            throw new InvalidDataException($"The kernel images are damaged: {damage.Message}", damage);
        }
    }

    private static byte[] ReadExactly(BinaryReader reader, int count)
    {
        byte[] bytes = reader.ReadBytes(count);
        return bytes.Length == count ? bytes : throw new EndOfStreamException("they end too early");
    }
}
