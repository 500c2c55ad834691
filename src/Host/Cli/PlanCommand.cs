using System.CommandLine;
using System.Text;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Hub;
using Rm.Host.Options;
using Rm.Host.Reporting;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Batching;
using Rm.Training.LowBit;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Cli;

/// <summary><c>btrm plan</c>: the memory that training takes, without a device and without weights.</summary>
internal sealed class PlanCommand
{
    // A dry run makes lists of the tokens: a plan must not itself take the memory it plans.
    private const int MostTokens = 1 << 22;

    private readonly Option<string?> _shape =
        new("--shape") { Description = $"A shape: {string.Join(", ", ModelShapes.Names)}.", HelpName = "NAME" };
    private readonly Option<string?> _model = new("--model") { Description = "A checkpoint's config.json instead.", HelpName = "DIR|ID" };
    private readonly Option<string?> _baseDType = BaseDTypeOption.Create();
    private readonly Option<int> _budget = OptimizationOptions.CreateMicroTokenBudget();
    private readonly Option<int> _pair = new("--pair-tokens")
    {
        Description =
        "Packed tokens of a pair; one larger than the budget is computed alone.",
        DefaultValueFactory = _ => 1024,
        HelpName = "N"
    };
    private readonly Option<int> _rank = new(
        "--lora-rank")
    { Description = "Rank r on all seven modules; 0 trains all weights.", DefaultValueFactory = _ => 4, HelpName = "R" };
    private readonly Option<bool> _noPrefixSharing =
        new("--no-prefix-sharing") { Description = "Compute what both sides begin with twice." };
    private readonly Option<string> _device =
        new("--device") { Description = "cuda (bfloat16) or cpu (float32).", DefaultValueFactory = _ => "cuda", HelpName = "DEVICE" };
    private readonly Option<string?> _memory =
        new("--memory") { Description = "Free memory to fit into, 24GB or 22.5GiB say.", HelpName = "SIZE" };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON line instead of a table." };

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("plan", "Show the memory that training takes, without a device.");
        foreach (
            Option option in new Option[] { _shape, _model, _baseDType, _budget, _pair, _rank, _noPrefixSharing, _device, _memory, _json })
        {
            command.Options.Add(option);
        }

        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        (string name, ModelConfig config) = (result.GetValue(_shape), result.GetValue(_model)) switch
        {
            ({ } shape, null) => (shape, ModelShapes.Get(shape)),
            (null, { } given) => (given, ModelConfig.Load(ModelResolver.Resolve(given))),
            _ => throw new UserInputException("Give either --shape NAME or --model DIR."),
        };
        int rank = result.GetValue(_rank);
        int budget = Within(result, _budget, 1, MostTokens), pair = Within(result, _pair, 2, MostTokens);
        Within(result, _rank, 0, int.MaxValue);
        long? free = DeviceOptions.ReadSize(_memory.Name, result.GetValue(_memory));
        TrainingScope scope = rank > 0 ? new TrainingScope(new LoraSettings(rank, 32, config.Modules), false) : TrainingScope.Full;
        BaseDType? baseDType = BaseDTypeOption.Read(result, _baseDType);
        if (baseDType is not null && rank == 0)
        {
            throw new UserInputException($"{_baseDType.Name} is about frozen matrices, and with {_rank.Name} 0 all are trained.");
        }

        var planner = new MemoryPlanner(DryRuns(result.GetValue(_device)!, baseDType), config, scope, DryRunWeights.Of(config, baseDType));
        var extent = MicroBatchExtent.Full(budget, pair, sharePrefix: !result.GetValue(_noPrefixSharing));
        MemoryPlan[] plans = [.. Enum.GetValues<Recompute>().Select(mode => planner.Plan(mode, extent))];
        if (result.GetValue(_json))
        {
            Console.Out.WriteLine(Json(name, plans, free));
        }
        else
        {
            Console.Out.WriteLine(
                $"{name}, {(rank > 0 ? $"LoRA r = {rank}" : "all weights")}, {extent.Tokens} packed tokens in {extent.Pairs} pairs, "
                    + $"{result.GetValue(_device)}"
                + (baseDType is null ? "" : $", base in {baseDType.ToString()!.ToLowerInvariant()}"));
            MemoryPlanReport.WriteTable(plans, free, Console.Out);
        }

        // Says what would fit when nothing does.
        _ = free is { } bytes ? new MemoryChoice(planner, bytes, extent).Choose(asked: null) : null;
        return ExitCodes.Success;
    }

    private static Func<IDryRun> DryRuns(string device, BaseDType? baseDType) => device switch
    {
        "cuda" => static () => new CudaDryRun(),
        "cpu" => () => new CpuDryRun(baseDType is null or BaseDType.BF16 ? DType.BF16 : DType.F32),
        _ => throw new UserInputException($"--device '{device}' cannot be planned for. Choose cuda or cpu."),
    };

    private static string Json(string name, IReadOnlyList<MemoryPlan> plans, long? free)
    {
        using var buffer = new MemoryStream();
        using (var w = new Utf8JsonWriter(buffer))
        {
            w.WriteStartObject();
            w.WriteString("btrm", BtrmVersion.Text);
            w.WriteString("shape", name);
            w.WriteStartArray("plans");
            foreach (MemoryPlan plan in plans)
            {
                MemoryPlanReport.WriteJson(plan, free, w);
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static int Within(ParseResult result, Option<int> option, int least, int most)
    {
        int value = result.GetValue(option);
        return value >= least && value <= most
            ? value
            : throw new UserInputException($"{option.Name} must be at least {least}{(most < int.MaxValue ? $" and at most {most}" : "")}.");
    }
}
