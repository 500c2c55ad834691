using System.Text.Json;
using Rm.Formats;

namespace Rm.Host.Experiments;

/// <summary>
/// The <c>matrix</c> of a sweep: every combination of the listed values, the first setting changing slowest, less the combinations in
/// <c>exclude</c>.
/// </summary>
internal static class SweepMatrix
{
    /// <summary>Most combinations.</summary>
    public const int MaxRuns = 10_000;

    /// <summary>The combinations in order.</summary>
    /// <param name="file">Sweep file, for messages.</param>
    /// <param name="matrix">Object of lists.</param>
    /// <param name="exclude">List of objects with values of some of the matrix's settings; null for none.</param>
    public static IReadOnlyList<IReadOnlyList<KeyValuePair<string, JsonElement>>> Expand(
        string file, JsonElement matrix, JsonElement? exclude)
    {
        IReadOnlyList<IReadOnlyList<KeyValuePair<string, JsonElement>>> combinations = [[]];
        foreach (JsonProperty axis in matrix.EnumerateObject())
        {
            if (axis.Value.ValueKind != JsonValueKind.Array || axis.Value.GetArrayLength() == 0)
            {
                throw new UserInputException($"{file}: matrix.{axis.Name} must be a list of values.");
            }

            if ((long)combinations.Count * axis.Value.GetArrayLength() > MaxRuns)
            {
                throw new UserInputException($"{file}: the matrix has more than {MaxRuns} combinations.");
            }

            JsonElement[] values = [.. axis.Value.EnumerateArray()];
            combinations =
                [.. combinations.SelectMany(c => values.Select(v => (KeyValuePair<string, JsonElement>[])[.. c, new(axis.Name, v)]))];
        }

        return Without(file, combinations, matrix, exclude);
    }

    private static IReadOnlyList<IReadOnlyList<KeyValuePair<string, JsonElement>>> Without(
        string file, IReadOnlyList<IReadOnlyList<KeyValuePair<string, JsonElement>>> combinations, JsonElement matrix, JsonElement? exclude)
    {
        if (exclude is not { } list)
        {
            return combinations;
        }

        if (list.ValueKind != JsonValueKind.Array
            || list.EnumerateArray().Any(e => e.ValueKind != JsonValueKind.Object || !e.EnumerateObject().Any()))
        {
            throw new UserInputException($"{file}: exclude must be a list of objects with settings of the matrix.");
        }

        foreach (JsonElement pattern in list.EnumerateArray())
        {
            JsonProperty[] wanted = [.. pattern.EnumerateObject()];
            if (wanted.Select(p => p.Name).FirstOrDefault(name => !matrix.TryGetProperty(name, out _)) is { } unknown)
            {
                throw new UserInputException($"{file}: exclude names \"{unknown}\", which the matrix does not have.");
            }

            IReadOnlyList<KeyValuePair<string, JsonElement>>[] kept =
                [.. combinations.Where(c => !wanted.All(p => c.Any(s => s.Key == p.Name && JsonElement.DeepEquals(s.Value, p.Value))))];
            if (kept.Length == combinations.Count)
            {
                throw new UserInputException($"{file}: exclude {pattern.GetRawText()} matches no combination of the matrix.");
            }

            combinations = kept;
        }

        return combinations;
    }
}
