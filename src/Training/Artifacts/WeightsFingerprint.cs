using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Rm.Formats;
using Rm.Formats.Safetensors;

namespace Rm.Training.Artifacts;

/// <summary>
/// Tells a checkpoint's weights from others without reading gigabytes: a SHA-256 over the name, type and shape of every tensor and a sample
/// of its values. Another model, another revision or further training changes it; a single value changed on purpose may not.
/// </summary>
public static class WeightsFingerprint
{
    private const int SampleLength = 1024;

    /// <summary>
    /// The fingerprint of a checkpoint folder, lower-case hex. Throws <see cref="UserInputException"/> when it cannot be read.
    /// </summary>
    public static string Of(string folder)
    {
        using var checkpoint = SafetensorsCheckpoint.Open(folder);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        float[] sample = new float[SampleLength];
        foreach (string name in checkpoint.Names.Order(StringComparer.Ordinal))
        {
            SafetensorsTensor tensor = checkpoint.Tensor(name);
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {tensor.DType} {tensor.ShapeText}\n"));
            if (!tensor.DType.IsWeight())
            {
                // Codes of a low-bit weight: their bytes are as good.
                byte[] bytes = new byte[Math.Min(SampleLength, tensor.ByteLength)];
                foreach (long start in Starts(tensor.ByteLength - bytes.Length))
                {
                    checkpoint.FileOf(name).ReadBytes(name, bytes, start);
                    hash.AppendData(bytes);
                }

                continue;
            }

            int length = (int)Math.Min(SampleLength, tensor.ElementCount);
            foreach (long start in Starts(tensor.ElementCount - length))
            {
                checkpoint.ReadFloat32(name, sample.AsSpan(0, length), start);
                hash.AppendData(MemoryMarshal.AsBytes(sample.AsSpan(0, length)));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // The head, the middle and the end.
    private static IEnumerable<long> Starts(long last) => new[] { 0, last / 2, last }.Distinct();
}
