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
        foreach (LinearModule module in config.Family.Modules)
        {
            int layers = Enumerable.Range(0, config.Layers).Count(layer => targets.Match(WeightNames.Path(layer, module), layer));
            if (layers == config.Layers)
            {
                matched.Add(module.Name());
            }
            else if (layers > 0)
            {
                throw new UserInputException(
                    $"{Option}: '{pattern}' matches {module.Name()} in {layers} of {config.Layers} layers. A module is adapted in all "
                        + $"layers or in none here.");
            }
        }

        return matched.Count > 0
            ? string.Join(',', matched)
            : throw new UserInputException(
                $"{Option}: '{pattern}' is no module, and as a pattern it matches none, such as "
                    + $"{WeightNames.Path(0, config.Family.Modules[0])}. "
                + $"Known: {string.Join(", ", config.Family.Modules.Select(module => module.Name()))}, all-linear.");
    }
}
