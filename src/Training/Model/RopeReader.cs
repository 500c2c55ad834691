using Rm.Formats.Json;

namespace Rm.Training.Model;

/// <summary>
/// Rotary settings in both spellings: rope_theta and rope_scaling {type or rope_type} (transformers 4), or all in rope_parameters (5).
/// rope_theta and partial_rotary_factor may stand in any of the three places; where they do twice, they must agree.
/// </summary>
internal static class RopeReader
{
    private const double DefaultTheta = 10000;

    public static (double Theta, RopeScaling Scaling) Read(JsonFields fields, int maxPositions)
    {
        var parameters = fields.OptionalObject("rope_parameters");
        var scaling = fields.OptionalObject("rope_scaling");
        var theta = ReadTheta(("rope_theta", fields), ("rope_scaling.rope_theta", scaling), ("rope_parameters.rope_theta", parameters));
        CheckPartial(fields);
        CheckPartial(parameters);
        CheckPartial(scaling);

        var newer = parameters is { } inner ? ReadScaling(inner, maxPositions) : null;
        var older = scaling is { } outer ? ReadScaling(outer, maxPositions) : null;
        return newer is not null && older is not null && newer != older
            ? throw fields.Error("rope_scaling", "and rope_parameters contradict each other; one of them is wrong.")
            : (theta, newer ?? older ?? RopeScaling.None);
    }

    private static double ReadTheta(params ReadOnlySpan<(string Name, JsonFields? Place)> places)
    {
        (string Name, double Value)? found = null;
        foreach (var (name, candidate) in places)
        {
            if (candidate is not { } place || place.Find("rope_theta") is null)
            {
                continue;
            }

            var value = place.Double("rope_theta", 1, 1e15);
            if (found is { } other && other.Value != value)
            {
                throw place.Error("rope_theta", $"is {value}, but {other.Name} is {other.Value}; one of them is wrong.");
            }

            found ??= (name, value);
        }

        return found?.Value ?? DefaultTheta;
    }

    private static void CheckPartial(JsonFields? fields)
    {
        if (fields is { } place && place.Find("partial_rotary_factor") is not null && place.Double("partial_rotary_factor", 0, 1) != 1)
        {
            throw place.Error("partial_rotary_factor", "is below 1; rotating only a part of each head is not supported.");
        }
    }

    private static RopeScaling ReadScaling(JsonFields fields, int maxPositions)
    {
        var kind = fields.OptionalString("rope_type") ?? fields.OptionalString("type");
        switch (kind)
        {
            case "default":
                return RopeScaling.None;
            case "linear":
                return new RopeScaling(RopeScalingKind.Linear, fields.Double("factor", 1, 1e9));
            case "llama3":
                var scaling = new RopeScaling(
                    RopeScalingKind.Llama3,
                    fields.Double("factor", 1, 1e9),
                    fields.Double("low_freq_factor", 1e-9, 1e9),
                    fields.Double("high_freq_factor", 1e-9, 1e9),
                    fields.Int("original_max_position_embeddings", 1, int.MaxValue, maxPositions));
                return scaling.LowFreqFactor < scaling.HighFreqFactor
                    ? scaling
                    : throw fields.Error("low_freq_factor", "must be below high_freq_factor.");
            case null when fields.Element.EnumerateObject().All(property => property.Name is "rope_theta" or "partial_rotary_factor"):
                return RopeScaling.None;
            case null:
                throw fields.Error("rope_type", "is missing.");
            default:
                throw fields.Error("rope_type", $"is \"{kind}\"; supported are default, linear and llama3.");
        }
    }
}
