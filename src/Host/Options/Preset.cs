using System.CommandLine;
using System.CommandLine.Parsing;
using Rm.Formats;

namespace Rm.Host.Options;

/// <summary>
/// <c>--preset NAME</c>: settings of the training guide for a size of model. They lie under the command line and the configuration file and
/// over the built-in defaults.
/// </summary>
/// <param name="Name">What it is called.</param>
/// <param name="Values">What it sets.</param>
internal sealed record Preset(string Name, IReadOnlyList<PresetValue> Values)
{
    /// <summary>Name of the option, and with its dashes off of the key in a configuration file.</summary>
    public const string OptionName = "--preset";

    /// <summary>The preset for models of about 3 billion parameters.</summary>
    public const string Guide3B = "guide-3b";

    /// <summary>The preset for models of about 7 billion parameters.</summary>
    public const string Guide7B = "guide-7b";

    private const string LoraFlag = "--lora";

    private static readonly PresetValue[] Common =
    [
        new("--limit", "5000"),
        new("--eval-split", "test") { GivesWayTo = ["--eval-file", "--train-file"] },
        new("--eval-limit", "1000"),
        new("--batch-size", "16"),
        new("--micro-token-budget", "8192"),
        new("--max-seq-len", "1024"),
        new(LoraFlag, "true"),
        new("--lora-alpha", "32") { IsLora = true },
        new("--lora-target-modules", "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj") { IsLora = true },
        new("--lr-scheduler", "cosine"),
        new("--warmup-steps", "50") { GivesWayTo = ["--warmup-ratio"] },
        new("--steps", "1000") { GivesWayTo = ["--epochs"] },
        new("--label-smoothing", "0.05"),
        new("--score-regularization-lambda", "0.1"),
        new("--regularization-lambda", "0"),
        new("--beta", "1"),
        new("--eval-every", "100"),
    ];

    private static readonly Preset[] All =
    [
        new(Guide3B,
        [
            .. Common, new("--lr", "5e-5"), new("--weight-decay", "0.01"), new("--lora-rank", "4") { IsLora = true },
            new("--early-stopping-patience", "5"),
        ]),
        new(Guide7B,
        [
            .. Common, new("--lr", "1e-5"), new("--weight-decay", "0.05"), new("--lora-rank", "16") { IsLora = true },
            new("--early-stopping-patience", "3"),
        ]),
    ];

    /// <summary>The names.</summary>
    public static IEnumerable<string> Names => All.Select(p => p.Name);

    /// <summary>The option, for commands that take it.</summary>
    public static Option<string?> CreateOption() => new(OptionName)
    {
        Description =
            $"The training guide's settings for a size of model, under --config and the command line: {string.Join(" or ", Names)}.",
        HelpName = "NAME",
    };

    /// <summary>
    /// The preset that the command line or the configuration file names, or null. An unknown name is an error that lists the known ones.
    /// </summary>
    public static Preset? In(ParseResult given)
    {
        if (given.CommandResult.Command.Options.FirstOrDefault(o => o.Name == OptionName) is not Option<string?> option
            || given.GetResult(option) is not { Tokens.Count: > 0 })
        {
            return null;
        }

        string name = given.GetValue(option)!;
        return All.FirstOrDefault(p => p.Name == name) ?? throw new UserInputException(
            $"{OptionName} '{name}' is not known{NameSuggestion.DidYouMean(name, Names)}. Choose one of: {string.Join(", ", Names)}.");
    }

    /// <summary>The arguments with those of the preset added that neither they nor what they take the place of already say.</summary>
    public string[] Merge(ParseResult given, string[] args)
    {
        var options = given.CommandResult.Command.Options.ToDictionary(o => o.Name, StringComparer.Ordinal);
        bool IsGiven(string name) => given.GetResult(options[name]) is OptionResult { Implicit: false };
        bool lora = !IsGiven(LoraFlag) || given.GetValue((Option<bool>)options[LoraFlag]);
        bool adapter = IsGiven("--init-adapter");
        return
        [
            .. args,
            .. Values.Where(v => !IsGiven(v.Option) && !v.GivesWayTo.Any(IsGiven) && (!v.IsLora || (lora && !adapter)))
                .Select(v => $"{v.Option}={v.Value}"),
        ];
    }
}
