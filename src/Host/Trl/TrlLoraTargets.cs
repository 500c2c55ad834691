using Rm.Formats;
using Rm.Training.Adapters;
using Rm.Training.Model;

namespace Rm.Host.Trl;

/// <summary>
/// Which modules <c>lora_target_modules</c> means: names; one word that is no name is PEFT's pattern over a module's whole path; without
/// any, what PEFT takes for the family.
/// </summary>
internal static class TrlLoraTargets
{
    private const string Option = "lora_target_modules";
    private const string AllLinear = "all-linear";

    // PEFT's own choice for these is q_proj and v_proj, and it has none for any other family here.
    private static readonly string[] FamiliesWithDefault = ["llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"];

    /// <summary>The modules as <c>--lora-target-modules</c> takes them. Throws <see cref="UserInputException"/>.</summary>
    public static string Resolve(IReadOnlyList<string> names, ModelConfig config) => names switch
    {
        [] => FamiliesWithDefault.Contains(config.Family.ModelType)
            ? "q_proj,v_proj"
            : throw new UserInputException(
                $"{Option}: PEFT has no default for {config.Family.ModelType}. Name the modules, or give all-linear."),
        [var word] when word != AllLinear && WeightNames.ParseModule(word) is null => Matched(word, config),
        _ => string.Join(',', names),
    };

    private static string Matched(string pattern, ModelConfig config)
    {
        var targets = AdapterTargets.OfPattern(pattern);
        var matched = new List<string>();
        LinearModule[] ofExperts = [LinearModule.ExpertGate, LinearModule.ExpertUp, LinearModule.ExpertDown, LinearModule.Router];
        if (config.Experts is not null && ofExperts.Any(m => Enumerable.Range(0, config.Layers).Any(layer => MatchesMixture(m, layer))))
        {
            throw new UserInputException(
                $"{Option}: '{pattern}' matches experts of {config.Family.ModelType}, and adapters of experts are not supported. Give "
                    + $"{string.Join(", ", config.Modules.Select(module => module.Name()))}.");
        }

        foreach (LinearModule module in config.Modules)
        {
            int all = config.LayersWith(module).Count();
            int layers = config.LayersWith(module).Count(layer => targets.Match(WeightNames.Path(layer, module), layer));
            if (layers == all)
            {
                matched.Add(module.Name());
            }
            else if (layers > 0)
            {
                throw new UserInputException(
                    $"{Option}: '{pattern}' matches {module.Name()} in {layers} of {all} layers. A module is adapted in all "
                        + $"layers or in none here.");
            }
        }

        // As the experts' tensors are named, and as PEFT asks after them in transformers 5, where they are one parameter.
        bool MatchesMixture(LinearModule module, int layer) => targets.Match(WeightNames.Path(layer, module), layer)
            || targets.Match(WeightNames.Path(layer, module).Replace("experts.0.", "experts.", StringComparison.Ordinal), layer);

        return matched.Count > 0
            ? string.Join(',', matched)
            : throw new UserInputException(
                $"{Option}: '{pattern}' is no module, and as a pattern it matches none, such as "
                    + $"{WeightNames.Path(0, config.Modules[0])}. "
                + $"Known: {string.Join(", ", config.Modules.Select(module => module.Name()))}, all-linear.");
    }
}
