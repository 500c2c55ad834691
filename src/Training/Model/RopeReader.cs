using Rm.Formats.Json;

namespace Rm.Training.Model;

/// <summary>
/// Rotary settings in both spellings: rope_theta and rope_scaling {type or rope_type} (transformers 4), or all in rope_parameters (5).
/// </summary>
internal static class RopeReader
{
    private const double DefaultTheta = 10000;

    public static (double Theta, RopeScaling Scaling) Read(JsonFields fields, int maxPositions)
    {
        var parameters = fields.OptionalObject("rope_parameters");
        var theta = ReadTheta(fields, parameters);
        CheckPartial(fields);
        RopeScaling? newer = null;
        if (parameters is { } inner)
        {
            CheckPartial(inner);
            newer = ReadScaling(inner, maxPositions);
        }

        var older = fields.OptionalObject("rope_scaling") is { } outer ? ReadScaling(outer, maxPositions) : null;
        return newer is not null && older is not null && newer != older
            ? throw fields.Error("rope_scaling", "and rope_parameters contradict each other; one of them is wrong.")
            : (theta, newer ?? older ?? RopeScaling.None);
    }

    private static double ReadTheta(JsonFields fields, JsonFields? parameters)
    {
        double? Theta(JsonFields place) => place.Find("rope_theta") is null ? null : place.Double("rope_theta", 1, 1e15);
        var outer = Theta(fields);
        var inner = parameters is { } newer ? Theta(newer) : null;
        if (outer is { } a && inner is { } b && a != b)
        {
            throw fields.Error("rope_theta", $"is {a}, but rope_parameters.rope_theta is {b}; one of them is wrong.");
        }

        return inner ?? outer ?? DefaultTheta;
    }

    private static void CheckPartial(JsonFields fields)
    {
        if (fields.Find("partial_rotary_factor") is not null && fields.Double("partial_rotary_factor", 0, 1) != 1)
        {
            throw fields.Error("partial_rotary_factor", "is below 1; rotating only a part of each head is not supported.");
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
