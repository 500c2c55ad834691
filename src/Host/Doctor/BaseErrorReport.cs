using System.Globalization;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.LowBit;
using Rm.Training.Model;

namespace Rm.Host.Doctor;

/// <summary>How far rewards over a quantised base are from those over the same base in bfloat16.</summary>
/// <param name="Type">The base's type.</param>
/// <param name="Rms">Root of the mean squared difference of rewards.</param>
/// <param name="Largest">Largest difference.</param>
/// <param name="Turned">Pairs of which the other side is preferred.</param>
internal sealed record BaseError(BaseDType Type, double Rms, double Largest, int Turned);

/// <summary>What <c>btrm doctor --base-error</c> found.</summary>
/// <param name="Model">The checkpoint.</param>
/// <param name="Device">Where it was computed.</param>
/// <param name="Pairs">Pairs that were scored.</param>
/// <param name="Deviation">Standard deviation of the rewards over the base in bfloat16.</param>
/// <param name="Errors">By type.</param>
internal sealed record BaseErrorReport(string Model, string Device, int Pairs, double Deviation, IReadOnlyList<BaseError> Errors)
{
    /// <summary>Scores pairs over the base in each type.</summary>
    /// <param name="model">Folder or hub's name of the checkpoint.</param>
    /// <param name="adapter">Adapter folder, or null.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="backend">Where.</param>
    /// <exception cref="UserInputException">The checkpoint cannot be scored with, or is stored in few bits itself.</exception>
    public static BaseErrorReport Measure(string model, string? adapter, IReadOnlyList<PreferencePair> pairs, IBackend backend)
    {
        double[] exact = Rewards(BaseDType.BF16);
        double mean = exact.Average();
        return new BaseErrorReport(
            model, backend.Description, pairs.Count, Math.Sqrt(exact.Average(r => (r - mean) * (r - mean))),
            [.. Enum.GetValues<BaseDType>().Where(type => type != BaseDType.BF16).Select(type => Compare(type, exact, Rewards(type)))]);

        double[] Rewards(BaseDType type)
        {
            using RewardModel loaded = ModelSource.Open(model, type).LoadForScoring(backend, adapter);
            return [.. ScoringPairs.Each(pairs).SelectMany(pair => loaded.Score(PairPacking.Pack([pair], sharePrefix: true)))
                .Select(reward => (double)reward)];
        }
    }

    /// <summary>Writes a table.</summary>
    public void WriteText(TextWriter output)
    {
        output.WriteLine(
            Invariant($"{Model}, {Pairs} pairs on {Device}; rewards over the base in bf16 have standard deviation {Deviation:G4}"));
        output.WriteLine($"{"base",-6} {"rms error",10} {"largest",10} {"of deviation",13} {"pairs turned",13}");
        foreach (BaseError error in Errors)
        {
            output.WriteLine(Invariant(
                $"{Name(error),-6} {error.Rms,10:G4} {error.Largest,10:G4} {error.Rms / Deviation,12:P1} {error.Turned,13}"));
        }
    }

    /// <summary>Writes one JSON object.</summary>
    public void WriteJson(Stream output)
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("btrm", BtrmVersion.Text);
        json.WriteString("model", Model);
        json.WriteString("device", Device);
        json.WriteNumber("pairs", Pairs);
        json.WriteNumber("reward_deviation", Deviation);
        json.WriteStartArray("errors");
        foreach (BaseError error in Errors)
        {
            json.WriteStartObject();
            json.WriteString("base_dtype", Name(error));
            json.WriteNumber("rms", error.Rms);
            json.WriteNumber("largest", error.Largest);
            json.WriteNumber("pairs_turned", error.Turned);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static BaseError Compare(BaseDType type, double[] exact, double[] rewards)
    {
        double[] differences = [.. exact.Zip(rewards, (a, b) => Math.Abs(a - b))];
        int turned =
            Enumerable.Range(0, exact.Length / 2).Count(i => exact[2 * i] > exact[(2 * i) + 1] != rewards[2 * i] > rewards[(2 * i) + 1]);
        return new BaseError(type, Math.Sqrt(differences.Average(d => d * d)), differences.Max(), turned);
    }

    private static string Name(BaseError error) => error.Type.ToString().ToLowerInvariant();

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
