using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Host.Options;
using Rm.Training.Loop;

namespace Rm.Host.Trl;

/// <summary>A schedule by transformers' name, with its own arguments.</summary>
internal sealed class TrlSchedule
{
    private const string TypeOption = "lr_scheduler_type", ArgumentsOption = "lr_scheduler_kwargs";

    private static readonly Dictionary<string, (ScheduleKind Kind, string[] Arguments)> Known = new(StringComparer.Ordinal)
    {
        ["linear"] = (ScheduleKind.Linear, []),
        ["cosine"] = (ScheduleKind.Cosine, ["num_cycles"]),
        ["cosine_with_restarts"] = (ScheduleKind.CosineWithRestarts, ["num_cycles"]),
        ["polynomial"] = (ScheduleKind.Polynomial, ["lr_end", "power"]),
        ["constant"] = (ScheduleKind.Constant, []),
        ["constant_with_warmup"] = (ScheduleKind.ConstantWithWarmup, []),
        ["inverse_sqrt"] = (ScheduleKind.InverseSqrt, ["timescale"]),
        ["cosine_with_min_lr"] = (ScheduleKind.CosineWithMinLr, ["num_cycles", "min_lr", "min_lr_rate"]),
        ["cosine_warmup_with_min_lr"] = (ScheduleKind.CosineWarmupWithMinLr, ["num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"]),
        ["warmup_stable_decay"] =
            (ScheduleKind.WarmupStableDecay,
                ["num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio", "num_cycles"]),
    };

    private static readonly Dictionary<string, RampShape> Shapes = new(StringComparer.Ordinal)
    {
        ["linear"] = RampShape.Linear,
        ["cosine"] = RampShape.Cosine,
        ["1-sqrt"] = RampShape.OneMinusSqrt,
    };

    private readonly TrlValues _values;
    private readonly JsonObject _arguments;
    private readonly double _peak;

    private TrlSchedule(TrlValues values, JsonObject arguments, double peak) => (_values, _arguments, _peak) = (values, arguments, peak);

    /// <summary>The schedule of a run of (steps, warm-up steps). Throws <see cref="UserInputException"/>.</summary>
    public static Func<int, int, LearningRateSchedule> Read(TrlValues values, double peak)
    {
        string type = values.Text(TypeOption) ?? "";
        if (type is "reduce_lr_on_plateau" or "greedy")
        {
            throw values.Error(TypeOption, $"'{type}' follows the evaluations and is not here. Take cosine, or cosine_with_min_lr.");
        }

        if (!Known.TryGetValue(type, out (ScheduleKind Kind, string[] Arguments) known))
        {
            values.Choice(TypeOption, [.. Known.Keys]);
        }

        JsonObject arguments = values.Mapping(ArgumentsOption) ?? [];
        bool takesNone = known.Kind is ScheduleKind.Constant or ScheduleKind.ConstantWithWarmup;
        if (!takesNone && arguments.Select(a => a.Key).FirstOrDefault(key => !known.Arguments.Contains(key)) is { } unknown)
        {
            throw values.Error(
                ArgumentsOption,
                $"{type} has no argument '{unknown}'{NameSuggestion.DidYouMean(unknown, known.Arguments)}. It takes "
                    + $"{(known.Arguments.Length == 0 ? "none" : string.Join(", ", known.Arguments))}.");
        }

        ScheduleConstants constants = takesNone ? new() : new TrlSchedule(values, arguments, peak).Constants(known.Kind);
        return (steps, warmup) => new LearningRateSchedule(known.Kind, warmup, steps) { Constants = constants };
    }

    private ScheduleConstants Constants(ScheduleKind kind)
    {
        if (kind == ScheduleKind.WarmupStableDecay && !_arguments.ContainsKey("num_decay_steps"))
        {
            throw _values.Error(ArgumentsOption, "warmup_stable_decay needs num_decay_steps.");
        }

        double end = kind == ScheduleKind.Polynomial ? Number("lr_end") ?? 1e-7 : 0;
        if (kind == ScheduleKind.Polynomial && end >= _peak)
        {
            throw _values.Error(ArgumentsOption, "lr_end must be below learning_rate.");
        }

        return new ScheduleConstants
        {
            Cycles = Number("num_cycles"),
            LeastFactor = kind is ScheduleKind.CosineWithMinLr or ScheduleKind.CosineWarmupWithMinLr
                ? Least()
                : Number("min_lr_ratio") ?? 0,
            PeakRate = _peak,
            EndRate = end,
            Power = Number("power") ?? 1,
            Timescale = Whole("timescale", 1),
            WarmupStart = Number("warmup_lr_rate"),
            StableSteps = Whole("num_stable_steps", 0),
            DecaySteps = Whole("num_decay_steps", 0) ?? 0,
            Warmup = Shape("warmup_type", RampShape.Linear),
            Decay = Shape("decay_type", RampShape.Cosine),
        };
    }

    private double Least() => (Number("min_lr"), Number("min_lr_rate")) switch
    {
        ({ } rate, null) => rate / _peak,
        (null, { } share) => share,
        _ => throw _values.Error(ArgumentsOption, "needs one of min_lr and min_lr_rate."),
    };

    private RampShape Shape(string name, RampShape usual) => !_arguments.ContainsKey(name)
        ? usual
        : _arguments[name] is { } value && TrlValues.Text(value) is { } text && Shapes.TryGetValue(text, out RampShape shape)
            ? shape
            : throw _values.Error(ArgumentsOption, $"{name} must be one of {string.Join(", ", Shapes.Keys)}.");

    private int? Whole(string name, int least) => Number(name) is not { } number
        ? null
        : number == Math.Floor(number) && number >= least && number <= int.MaxValue
            ? (int)number
            : throw _values.Error(ArgumentsOption, $"{name} must be a whole number of {least} or more.");

    private double? Number(string name) => _arguments[name] is not { } value
        ? null
        : TrlValues.Number(value) is >= 0 and var number
            ? number
            : throw _values.Error(ArgumentsOption, $"{name} must be a number of 0 or more.");
}
