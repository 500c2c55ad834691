using System.Runtime.InteropServices;
using System.Text.Json;

namespace Rm.Kernels.Tests.Instructions;

/// <summary>Results of instructions on one device, as a file: a JSON object a line, with the words in base64.</summary>
internal static class InstructionVectors
{
    /// <summary>Environment variable with the file that <c>Record</c> writes.</summary>
    public const string FileVariable = "BTRM_RECORD_INSTRUCTIONS";

    public static Dictionary<string, uint[]> Run(InstructionDevice device) => InstructionCases.All
        .Where(c => c.MinimumArchitecture <= device.Architecture)
        .ToDictionary(static c => c.Name, c => c.Run(device));

    // By hand: a trimmed build has no serializer that works by reflection. Base64 needs no escapes.
    public static void Write(string path, string device, IReadOnlyDictionary<string, uint[]> vectors) => File.WriteAllLines(
        path,
        vectors.Select(vector =>
            $"{{\"device\":\"{JsonEncodedText.Encode(device)}\",\"case\":\"{JsonEncodedText.Encode(vector.Key)}\","
            + $"\"words\":\"{Convert.ToBase64String(MemoryMarshal.AsBytes<uint>(vector.Value))}\"}}"));

    public static Dictionary<string, uint[]> Read(string path)
    {
        Dictionary<string, uint[]> vectors = [];
        foreach (string line in File.ReadLines(path))
        {
            using var row = JsonDocument.Parse(line);
            vectors.Add(
                row.RootElement.GetProperty("case").GetString()!,
                MemoryMarshal.Cast<byte, uint>(row.RootElement.GetProperty("words").GetBytesFromBase64()).ToArray());
        }

        return vectors;
    }

    /// <summary>What differs by more than a case's rule, or is missing on one side; empty when all is well.</summary>
    public static List<string> Differences(IReadOnlyDictionary<string, uint[]> expected, IReadOnlyDictionary<string, uint[]> actual)
    {
        var cases = InstructionCases.All.ToDictionary(static c => c.Name);
        List<string> found = [.. expected.Keys.Except(actual.Keys).Select(static name => $"{name}: was not run")];
        foreach ((string name, uint[] words) in actual)
        {
            if (!expected.TryGetValue(name, out uint[]? other))
            {
                found.Add($"{name}: not in the file");
            }
            else if (cases[name].Rule.FirstDifference(other, words) is >= 0 and int at)
            {
                found.Add($"{name}: word {at} is {Text(words, at)}, should be {Text(other, at)}");
            }
        }

        return found;
    }

    private static string Text(uint[] words, int at) =>
        at < words.Length ? $"0x{words[at]:X8} ({BitConverter.UInt32BitsToSingle(words[at]):g9})" : "missing";
}
