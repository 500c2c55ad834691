using System.CommandLine;
using Rm.Formats;
using Rm.Training.LowBit;
using Rm.Training.Model;

namespace Rm.Host.Options;

/// <summary>All options of <c>btrm train</c>, which diagnoses and sweeps take as well.</summary>
internal sealed class TrainOptionSet
{
    private readonly Option<string> _model = new("--model")
    {
        Description = "Checkpoint folder, or a hub's model org/name[@revision].",
        Required = true,
        HelpName = "DIR|ID",
    };

    private readonly Option<string?> _baseDType = BaseDTypeOption.Create();
    private readonly Option<string?> _config = ConfigFile.CreateOption();
    private readonly Option<string?> _preset = Preset.CreateOption();

    /// <summary>Files and datasets.</summary>
    public DatasetOptions Dataset { get; } = new(withTraining: true);

    /// <summary>Which rows are taken.</summary>
    public SelectionOptions Selection { get; } = new();

    /// <summary>Corruptions that test a pipeline.</summary>
    public DiagnosticOptionGroup Diagnostic { get; } = new();

    /// <summary>Templates, lengths, truncation.</summary>
    public TextOptionGroup Text { get; } = new();

    /// <summary>What is trained.</summary>
    public LoraOptions Lora { get; } = new();

    /// <summary>Loss, optimizer, schedule, lengths of a run.</summary>
    public OptimizationOptions Optimization { get; } = new();

    /// <summary>Where to compute.</summary>
    public DeviceOptions Device { get; } = new();

    /// <summary>Where results go, what is resumed.</summary>
    public OutputOptions Output { get; } = new();

    /// <summary>What a run measures about itself.</summary>
    public InstrumentOptions Instruments { get; } = new(withMetrics: true);

    /// <summary>Adds every option to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_model);
        command.Options.Add(_baseDType);
        foreach (OptionGroup group in new OptionGroup[] { Dataset, Selection, Diagnostic, Text, Lora, Optimization, Output, Instruments,
            Device })
        {
            group.AddTo(command);
        }

        command.Options.Add(_config);
        command.Options.Add(_preset);
    }

    /// <summary>What the user calls the model.</summary>
    public string Model(ParseResult result) => result.GetValue(_model)!;

    /// <summary>Type that the base's frozen matrices are quantised to, or null.</summary>
    public BaseDType? BaseType(ParseResult result) => BaseDTypeOption.Read(result, _baseDType);

    /// <summary>
    /// Checks what can be checked without opening model and data, and without the network. Throws <see cref="UserInputException"/> as a run
    /// would.
    /// </summary>
    public void Check(ParseResult result)
    {
        string model = Model(result);

        // The norms that a hub's model has are not known; Qwen3 has all that there are.
        ModelConfig config = Directory.Exists(model) ? ModelConfig.Load(model) : ModelShapes.Get("qwen3-0.6b");
        Lora.Check(result, config);
        BaseType(result);
        Text.Read(result, config.VocabSize);
        Optimization.Check(result);
        Selection.Read(result, Optimization.Seed(result));
        Diagnostic.Read(result);
        Instruments.Check(result);
        Dataset.Check(result);
        Device.Check(result);
    }
}
