using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Hub;
using Rm.Training.Adapters;
using Rm.Training.Artifacts;
using Rm.Training.Model;

namespace Rm.Host.Options;

/// <summary>What is trained.</summary>
internal sealed class LoraOptions : OptionGroup
{
    private const string AllLinear = "all-linear";

    private readonly Option<bool> _lora;
    private readonly Option<int> _rank;
    private readonly Option<double> _alpha;
    private readonly Option<string> _modules;
    private readonly Option<double> _dropout;
    private readonly Option<bool> _rslora;
    private readonly Option<string?> _modulesToSave;
    private readonly Option<string?> _initAdapter;

    public LoraOptions()
    {
        _lora = AddFlag("--lora", "Train low-rank factors and the head; without it all weights are trained.");
        _rank = Add("--lora-rank", "Rank r of the factors.", 4, "R");
        _alpha = Add("--lora-alpha", "The low-rank product is scaled by alpha / r.", 32.0, "ALPHA");
        _modules = Add("--lora-target-modules", "Adapted modules, separated by commas, or all-linear.", AllLinear, "NAMES");
        _dropout = Add("--lora-dropout", "Dropout of the factors' input.", 0.0, "P");
        _rslora = AddFlag("--rslora", "Scale by alpha / sqrt(r).");
        _modulesToSave = AddOptional<string>(
            "--lora-modules-to-save", "Further modules to train and save whole: norms, by the end of their name (PEFT's rule).", "NAMES");
        _initAdapter = AddOptional<string>(
            "--init-adapter", "Adapter folder, or hub's adapter, to start from; it decides rank, alpha and modules.", "DIR");
    }

    /// <summary>Adapter folder to start from, or null.</summary>
    public string? InitAdapter(ParseResult result) =>
        result.GetValue(_initAdapter) is { } name ? ModelResolver.Resolve(name, ModelParts.Adapter) : null;

    /// <summary>Throws as <see cref="Read"/> does, but for what only an adapter's own files can tell.</summary>
    public void Check(ParseResult result, ModelConfig config)
    {
        if (result.GetValue(_initAdapter) is null)
        {
            Read(result, config);
        }
    }

    /// <summary>What is trained of a model.</summary>
    public TrainingScope Read(ParseResult result, ModelConfig config)
    {
        double dropout = result.GetValue(_dropout);
        Require(dropout is >= 0 and < 1, _dropout, "must be at least 0 and below 1");
        if (InitAdapter(result) is { } adapter)
        {
            TrainingScope scope = LoraScope.Of(adapter, config, out _);
            RequireSameAs(scope.Lora!, adapter, result, config);
            return scope with { Lora = scope.Lora! with { Dropout = dropout } };
        }

        if (!result.GetValue(_lora))
        {
            Option? given =
                new Option[] { _rank, _alpha, _modules, _dropout, _rslora, _modulesToSave }.FirstOrDefault(o => IsGiven(result, o));
            return given is null
                ? TrainingScope.Full
                : throw new UserInputException(
                    $"{given.Name} has no effect without --lora. Give --lora as well, or leave it away to train all weights.");
        }

        Require(result.GetValue(_rank) is >= 1 and <= 1024, _rank, "must be 1 to 1024");
        Require(result.GetValue(_alpha) > 0, _alpha, "must be above 0");
        return new TrainingScope(
            new LoraSettings(
                result.GetValue(_rank), result.GetValue(_alpha), Modules(result.GetValue(_modules)!, config), result.GetValue(_rslora),
                dropout,
                ModulesToSave(result.GetValue(_modulesToSave), config)),
            TrainsEverything: false);
    }

    // The adapter decides; a command line that says otherwise must not be overruled in silence.
    private void RequireSameAs(LoraSettings lora, string adapter, ParseResult result, ModelConfig config)
    {
        Same(_rank, lora.Rank, result.GetValue(_rank));
        Same(_alpha, lora.Alpha, result.GetValue(_alpha));
        Same(_rslora, lora.UseRslora, result.GetValue(_rslora));
        if (IsGiven(result, _modules))
        {
            Same(_modules, Names(lora.TargetModules.Order()), Names(Modules(result.GetValue(_modules)!, config)));
        }

        void Same<T>(Option option, T ofAdapter, T given) => Require(
            !IsGiven(result, option) || EqualityComparer<T>.Default.Equals(ofAdapter, given), option,
            $"is {given}, but the adapter {adapter} has {ofAdapter}; leave it away");

        static string Names(IEnumerable<LinearModule> modules) => string.Join(',', modules.Select(m => m.Name()));
    }

    // A flag that is given as false, in a configuration file say, asks for nothing.
    private static bool IsGiven(ParseResult result, Option option) =>
        result.GetResult(option) is { Implicit: false } && !(option is Option<bool> flag && !result.GetValue(flag));

    private IReadOnlyList<LinearModule> Modules(string names, ModelConfig config)
    {
        LinearModule[] all = [.. config.Modules.Order()];
        string[] known = [.. all.Select(m => m.Name())];
        if (config.Experts is not null && Split(names).FirstOrDefault(MeansExperts) is { } experts)
        {
            throw new UserInputException(
                $"{_modules.Name}: {experts} means the experts of {config.Family.ModelType}, to PEFT too, and adapters of experts are not "
                    + $"supported. Give {_modules.Name} {string.Join(',', known)}.");
        }

        if (names == AllLinear)
        {
            return all;
        }

        LinearModule[] modules = [.. Split(names).Select(name => WeightNames.ParseModule(name) is { } module && all.Contains(module)
            ? module
            : throw new UserInputException(
                $"{_modules.Name}: unknown module '{name}'{NameSuggestion.DidYouMean(name, known)}. Known: {string.Join(", ", known)}, "
                    + $"all-linear."))];
        Require(modules.Length > 0, _modules, "must name at least one module");
        return [.. modules.Distinct().Order()];
    }

    private static bool MeansExperts(string name) =>
        name is AllLinear or "gate" || WeightNames.ParseModule(name) is LinearModule.Gate or LinearModule.Up or LinearModule.Down;

    private IReadOnlyList<string> ModulesToSave(string? names, ModelConfig config)
    {
        string[] modules = [.. Split(names ?? "").Except(AdapterConfig.HeadModules, StringComparer.Ordinal)];
        foreach (string module in modules)
        {
            if (!WeightNames.Norms(config).Any(norm => norm.Name[..norm.Name.LastIndexOf('.')].EndsWith(module, StringComparison.Ordinal)))
            {
                throw new UserInputException(
                    $"{_modulesToSave.Name}: no norm of this model ends in '{module}'. Known: score, norm, input_layernorm, "
                        + $"post_attention_layernorm"
                    + (config.QkNorm ? ", q_norm, k_norm." : "."));
            }
        }

        return modules;
    }


    private static string[] Split(string names) =>
        names.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
