using System.Text.Json;
using Rm.Formats.Json;

namespace Rm.Training.Model;

/// <summary>
/// Rotary settings in all spellings: rope_theta and rope_scaling {type or rope_type} (transformers 4), all in rope_parameters (5), or
/// rope_parameters by kind of layer.
/// </summary>
internal static class RopeReader
{
    private const string Full = "full_attention";
    private const string Sliding = "sliding_attention";

    /// <summary>The rotation of layers without a window, and that of layers with one where it differs.</summary>
    public static (RopeSettings Full, RopeSettings? Sliding) Read(JsonFields fields, ModelFamily family, int maxPositions)
    {
        JsonFields? parameters = fields.OptionalObject("rope_parameters"), scaling = fields.OptionalObject("rope_scaling");
        double? outerTheta = Theta(fields), outerPartial = Partial(fields), partial = outerPartial ?? family.PartialRotary;

        // Beside the rotary settings it counts above the one inside them, of any family.
        int original = family.OriginalMaxPositions == 0 && fields.Find("original_max_position_embeddings") is null
            ? 0
            : fields.Int("original_max_position_embeddings", 1, int.MaxValue, family.OriginalMaxPositions);
        if (family.GrowsQueries && parameters is null && scaling is null)
        {
            throw fields.Error("rope_parameters", $"is missing; {family.ClassName} has no rotation without it.");
        }

        if (parameters is { } newer && (newer.Find(Full) ?? newer.Find(Sliding)) is not null)
        {
            if (family.SlidingTheta is null)
            {
                throw fields.Error("rope_parameters", $"differs by kind of layer; {family.ClassName} rotates all layers alike.");
            }

            RopeSettings Layer(string kind, double theta) => newer.OptionalObject(kind) is { } inner
                ? new RopeSettings(Theta(inner) ?? theta, ReadScaling(inner, Context(inner)))
                : new RopeSettings(theta, RopeScaling.None);

            RopeSettings full = Layer(Full, outerTheta ?? family.Theta), sliding = Layer(Sliding, SlidingTheta(fields, family, outerTheta));
            return (full, full.Theta == sliding.Theta && full.Scaling.SameAs(sliding.Scaling) ? null : sliding);
        }

        RopeScaling? first = parameters is { } p ? ReadScaling(p, Context(p)) : null;
        RopeScaling? second = scaling is { } older ? ReadScaling(older, Context(older)) : null;
        if (first is not null && second is not null && !first.SameAs(second))
        {
            throw fields.Error("rope_scaling", "and rope_parameters contradict each other; one of them is wrong.");
        }

        double theta = OneTheta(("rope_theta", fields), ("rope_scaling.rope_theta", scaling), ("rope_parameters.rope_theta", parameters))
            ?? family.Theta;
        var rope = new RopeSettings(theta, first ?? second ?? WithPartial(fields, RopeScaling.None, family, partial));
        if (family.SlidingTheta is null)
        {
            return (rope, null);
        }

        var windowed = new RopeSettings(SlidingTheta(fields, family, theta), RopeScaling.None);
        return (rope, rope == windowed ? null : windowed);

        ScalingContext Context(JsonFields place)
        {
            double? inner = Partial(place);
            return inner is { } x && outerPartial is { } y && x != y
                ? throw fields.Error("partial_rotary_factor", $"is {y}, but the rotary settings' is {x}; one of them is wrong.")
                : new ScalingContext(family, maxPositions, original, inner ?? partial);
        }
    }

    private sealed record ScalingContext(ModelFamily Family, int MaxPositions, int Original, double? Partial);

    private static double? Theta(JsonFields place) => place.Find("rope_theta") is null ? null : place.Double("rope_theta", 1, 1e15);

    private static double SlidingTheta(JsonFields fields, ModelFamily family, double? otherwise) => family.SlidingThetaField is { } name
        ? fields.Double(name, 1, 1e15, family.SlidingTheta)
        : otherwise ?? family.Theta;

    private static double? Partial(JsonFields place) =>
        place.Find("partial_rotary_factor") is null ? null : place.Double("partial_rotary_factor", 1e-6, 1);

    // Where it stands twice, the places must agree.
    private static double? OneTheta(params ReadOnlySpan<(string Name, JsonFields? Place)> places)
    {
        (string Name, double Value)? found = null;
        foreach ((string? name, JsonFields? candidate) in places)
        {
            if (candidate is not { } place || Theta(place) is not { } value)
            {
                continue;
            }

            if (found is { } other && other.Value != value)
            {
                throw place.Error("rope_theta", $"is {value}, but {other.Name} is {other.Value}; one of them is wrong.");
            }

            found ??= (name, value);
        }

        return found?.Value;
    }

    // Of a family that rotates whole heads transformers never reads the factor with default frequencies, and fails with fewer of them.
    private static RopeScaling WithPartial(JsonFields fields, RopeScaling scaling, ModelFamily family, double? partial)
    {
        bool isRead = family.RotatesPart || scaling.Kind == RopeScalingKind.Proportional;
        return isRead || partial is null or 1 || scaling.Kind == RopeScalingKind.None
            ? scaling with { PartialFactor = isRead ? partial ?? 1 : 1 }
            : throw fields.Error("partial_rotary_factor", $"is {partial}, but {family.ClassName} rotates whole heads.");
    }

    private static RopeScaling ReadScaling(JsonFields fields, ScalingContext c)
    {
        string? kind = fields.OptionalString("rope_type") ?? fields.OptionalString("type");
        if (kind is null && fields.Element.EnumerateObject().Any(property => property.Name is not ("rope_theta" or "partial_rotary_factor"
            or "max_position_embeddings" or "mrope_section" or "mrope_interleaved")))
        {
            throw fields.Error("rope_type", "is missing.");
        }

        // Phi-3's older names of LongRoPE.
        kind = c.Family.OriginalMaxPositions > 0 && kind is "su" or "yarn" ? "longrope" : kind;
        RopeScaling scaling = kind switch
        {
            null or "default" => RopeScaling.None,
            "linear" => new RopeScaling(RopeScalingKind.Linear, Factor(fields)),
            "dynamic" => new RopeScaling(RopeScalingKind.Dynamic, Factor(fields)),
            "llama3" => Llama3(fields, c),
            "yarn" => Yarn(fields, c),
            "longrope" => LongRope(fields, c),
            "proportional" => new RopeScaling(RopeScalingKind.Proportional, fields.Double("factor", 1, 1e9, 1)),
            _ => throw fields.Error(
                "rope_type", $"is \"{kind}\"; supported are default, linear, dynamic, llama3, yarn, longrope and proportional."),
        };
        if (kind == "dynamic" && fields.IsSet("alpha"))
        {
            throw fields.Error("alpha", "is set; dynamic scaling by alpha is not supported.");
        }

        return WithPartial(fields, scaling, c.Family, c.Partial) with
        {
            QueryGrowth = c.Family.GrowsQueries ? fields.Double("llama_4_scaling_beta", 0, 1e6, 0) : 0,
        };
    }

    private static double Factor(JsonFields fields) => fields.Double("factor", 1, 1e9);

    private static int Original(JsonFields fields, ScalingContext c) =>
        c.Original > 0 ? c.Original : fields.Int("original_max_position_embeddings", 1, int.MaxValue, c.MaxPositions);

    private static RopeScaling Llama3(JsonFields fields, ScalingContext c)
    {
        var scaling = new RopeScaling(
            RopeScalingKind.Llama3, Factor(fields), fields.Double("low_freq_factor", 1e-9, 1e9),
            fields.Double("high_freq_factor", 1e-9, 1e9),
            Original(fields, c));
        return scaling.LowFreqFactor < scaling.HighFreqFactor
            ? scaling
            : throw fields.Error("low_freq_factor", "must be below high_freq_factor.");
    }

    private static RopeScaling Yarn(JsonFields fields, ScalingContext c)
    {
        int original = Original(fields, c);
        double factor = fields.Double("factor", 1e-9, 1e9, c.MaxPositions / (double)original);
        double? mscale = Positive(fields, "mscale"), overall = Positive(fields, "mscale_all_dim");
        double attention = mscale is { } m && overall is { } all ? Magnitude(factor, m) / Magnitude(factor, all) : Magnitude(factor, 1);
        return new RopeScaling(RopeScalingKind.Yarn, factor, OriginalMaxPositionEmbeddings: original)
        {
            AttentionFactor = fields.Double("attention_factor", 1e-9, 1e9, attention),
            BetaFast = Positive(fields, "beta_fast") ?? 32,
            BetaSlow = Positive(fields, "beta_slow") ?? 1,
            Truncate = fields.Bool("truncate", true),
        };

        static double Magnitude(double factor, double mscale) => factor <= 1 ? 1 : (0.1 * mscale * Math.Log(factor)) + 1;
    }

    // Zero counts as not given.
    private static double? Positive(JsonFields fields, string name) => fields.Double(name, 0, 1e9, 0) is > 0 and var value ? value : null;

    private static RopeScaling LongRope(JsonFields fields, ScalingContext c)
    {
        int original = Original(fields, c);
        double factor = fields.Double("factor", 1e-9, 1e9, c.MaxPositions / (double)original);
        double attention = factor <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(original)));
        return new RopeScaling(RopeScalingKind.LongRope, factor, OriginalMaxPositionEmbeddings: original)
        {
            AttentionFactor = fields.Double("attention_factor", 1e-9, 1e9, attention),
            ShortFactors = Numbers(fields, "short_factor"),
            LongFactors = Numbers(fields, "long_factor"),
        };
    }

    private static double[] Numbers(JsonFields fields, string name)
    {
        JsonElement list = fields.Find(name) is { ValueKind: JsonValueKind.Array } found
            ? found
            : throw fields.Error(name, "is missing or no list of numbers.");
        return [.. list.EnumerateArray()
            .Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetDouble(out double value) && value is > 0 and < 1e9
            ? value
            : throw fields.Wrong(name, list, "a list of positive numbers"))];
    }
}
