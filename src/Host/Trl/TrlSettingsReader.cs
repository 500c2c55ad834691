using System.Globalization;
using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Training.Batching;

namespace Rm.Host.Trl;

/// <summary>
/// Checks options and makes settings of them. Throws <see cref="UserInputException"/> naming the option, as the user named it, and what to
/// do.
/// </summary>
internal sealed class TrlSettingsReader(TrlArguments arguments)
{
    // What transformers writes for an interval that is not set.
    private const int UnsetInterval = 500;

    private readonly TrlValues _values = new(arguments);

    /// <summary>What the user should know about options that change nothing here.</summary>
    public List<string> Notes { get; } = [.. arguments.Notes];

    /// <summary>The values of the options that decide a run's figures, for run.json.</summary>
    public IReadOnlyDictionary<string, string> ForRunFile() =>
        new SortedDictionary<string, string>(
            TrlOptionTable.All.Where(option => option.Treatment == TrlTreatment.Honoured && !NotPartOfTheRun.Contains(option.Name))
                .ToDictionary(option => option.Name, _values.Show),
            StringComparer.Ordinal);

    private static HashSet<string> NotPartOfTheRun { get; } = new(
        ["output_dir", "resume_from_checkpoint", "logging_strategy", "logging_steps", "logging_first_step", "save_strategy", "save_steps",
            "save_total_limit",
            "report_to", "use_cpu", "bf16", "fp16"],
        StringComparer.Ordinal);

    /// <summary>The settings.</summary>
    public TrlSettings Read()
    {
        CheckTable();
        double rate = _values.Number("learning_rate");
        TrlInterval logging = Interval("logging", "steps", "epoch", "no");
        TrlInterval evaluation = Evaluation(logging);
        TrlInterval saving = Interval("save", "steps", "epoch", "no", "best");
        (bool loadsBest, string? metric, bool higher) = Best(evaluation, saving);
        _values.Choice("optim", "adamw_torch", "adamw_torch_fused");
        _values.Choice("dtype", "float32", "bfloat16", "auto");
        int steps = _values.Whole("max_steps", -1);
        ulong seed = (ulong)_values.Whole("seed");
        return new TrlSettings
        {
            Model = Model(),
            Dataset = _values.Text("dataset_name"),
            DatasetConfiguration = _values.Text("dataset_config"),
            TrainSplit = _values.Text("dataset_train_split")!,
            TestSplit = _values.Text("dataset_test_split")!,
            Mixture = Mixture(),
            TestSplitSize = _values.OptionalNumber("test_split_size"),
            OutputDir = OutputDir(),
            BatchSize = _values.Whole("per_device_train_batch_size", 1),
            EvalBatchSize = _values.Whole("per_device_eval_batch_size", 1),
            Accumulation = _values.Whole("gradient_accumulation_steps", 1),
            DropLast = _values.Flag("dataloader_drop_last"),
            Epochs = steps > 0 ? _values.Number("num_train_epochs") : Positive("num_train_epochs"),
            MaxSteps = steps > 0 ? steps : null,
            LearningRate = rate,
            Warmup = _values.Number("warmup_steps"),
            Schedule = TrlSchedule.Read(_values, rate),
            WeightDecay = _values.Number("weight_decay"),
            Adam = (_values.Number("adam_beta1", 0, 1), _values.Number("adam_beta2", 0, 1), _values.Number("adam_epsilon")),
            MaxGradNorm = _values.OptionalNumber("max_grad_norm") ?? 0,
            CenterRewards = _values.OptionalNumber("center_rewards_coefficient") ?? 0,
            Order = Order(),
            Seed = seed,
            DataSeed = (ulong?)_values.OptionalWhole("data_seed") ?? seed,
            MaxLength = _values.OptionalWhole("max_length", 1) ?? 0,
            EosToken = _values.Text("eos_token"),
            PadToken = _values.Text("pad_token"),
            Logging = logging,
            LogsFirstStep = _values.Flag("logging_first_step"),
            Evaluation = evaluation,
            EvalDelay = _values.Number("eval_delay"),
            EvalOnStart = _values.Flag("eval_on_start"),
            Saving = saving,
            SaveLimit = _values.OptionalWhole("save_total_limit") is > 0 and var limit ? limit : int.MaxValue,
            LoadsBest = loadsBest,
            BestMetric = metric,
            HigherIsBetter = higher,
            Resume = Resume(),
            UseCpu = _values.Flag("use_cpu"),
            ToTensorBoard = ToTensorBoard(),
            IsMixedPrecision = MixedPrecision(),
            DropoutActs = !_values.Flag("disable_dropout"),
            LoraWords = LoraWords(),
            LoraTargets = _values.TextList("lora_target_modules") ?? [],
        };
    }

    // A value is looked at even where it has no effect: what is no number should be said.
    private void CheckTable()
    {
        foreach (TrlOption option in arguments.Given.Where(_values.Differs))
        {
            switch (option.Treatment)
            {
                case TrlTreatment.Refused:
                    throw _values.Error(option.Name, $"not here. {Sentence(option.Text)}");
                case TrlTreatment.Ignored:
                    Notes.Add($"{_values.Where(option.Name)} is ignored: {Plain(option.Text)}.");
                    break;
            }
        }
    }

    private string Model()
    {
        string name = _values.Text("model_name_or_path")
            ?? throw new UserInputException("--model_name_or_path is needed: a checkpoint folder, or a hub's model.");
        return _values.Text("model_revision") is { } revision and not "main" && !Directory.Exists(name) ? $"{name}@{revision}" : name;
    }

    private string OutputDir()
    {
        string folder = _values.Text("output_dir") ?? "trainer_output";
        return folder.StartsWith("~/", StringComparison.Ordinal)
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), folder[2..])
            : folder;
    }

    private double Positive(string name) =>
        _values.Number(name) is > 0 and <= 1e6 and var value ? value : throw _values.Error(name, "must be above 0.");

    private ExampleOrder Order()
    {
        if (_values.Text("train_sampling_strategy") == "group_by_length")
        {
            throw _values.Error("train_sampling_strategy",
                "group_by_length is not here: pairs are packed, so nothing is wasted on padding. Leave it away.");
        }

        return _values.Choice("train_sampling_strategy", "random", "sequential") == "random"
            ? ExampleOrder.Shuffle
            : ExampleOrder.Sequential;
    }

    private TrlInterval Interval(string what, params ReadOnlySpan<string> strategies)
    {
        TrlStrategy strategy = Strategy($"{what}_strategy", strategies);
        return new TrlInterval(strategy, Every($"{what}_steps", strategy));
    }

    private TrlInterval Evaluation(TrlInterval logging)
    {
        TrlStrategy strategy = Strategy("eval_strategy", "steps", "epoch", "no");
        return strategy == TrlStrategy.Steps && _values.OptionalNumber("eval_steps") is null or 0
            ? new TrlInterval(strategy, logging.Every)
            : new TrlInterval(strategy, _values.OptionalNumber("eval_steps") is null ? UnsetInterval : Every("eval_steps", strategy));
    }

    private TrlStrategy Strategy(string name, params ReadOnlySpan<string> strategies) => _values.Choice(name, strategies) switch
    {
        "steps" => TrlStrategy.Steps,
        "epoch" => TrlStrategy.Epoch,
        "best" => TrlStrategy.Best,
        _ => TrlStrategy.No,
    };

    private double Every(string name, TrlStrategy strategy)
    {
        double every = _values.Number(name, 0, int.MaxValue);
        return strategy != TrlStrategy.Steps || (every > 0 && (every < 1 || every == Math.Floor(every)))
            ? every
            : throw _values.Error(name, "must be a whole number of steps, or a share of the run's between 0 and 1.");
    }

    private (bool LoadsBest, string? Metric, bool Higher) Best(TrlInterval evaluation, TrlInterval saving)
    {
        bool loads = _values.Flag("load_best_model_at_end");
        string? metric = _values.Text("metric_for_best_model") ?? (loads ? "loss" : null);
        if (saving.Strategy == TrlStrategy.Best && (metric is null || evaluation.Strategy == TrlStrategy.No))
        {
            throw _values.Error("save_strategy", "best needs metric_for_best_model and an eval_strategy.");
        }

        if (loads && saving.Strategy != TrlStrategy.Best && saving.Strategy != evaluation.Strategy)
        {
            throw _values.Error("load_best_model_at_end", "eval_strategy and save_strategy must be the same.");
        }

        if (loads && evaluation.Strategy == TrlStrategy.No)
        {
            throw _values.Error("load_best_model_at_end", "needs evaluations: give eval_strategy.");
        }

        if (loads && evaluation.Strategy == TrlStrategy.Steps && saving.Strategy == TrlStrategy.Steps
            && Remainder(saving.Every, evaluation.Every))
        {
            throw _values.Error("load_best_model_at_end", "save_steps must be a multiple of eval_steps.");
        }

        string? full = metric is null || metric.StartsWith("eval_", StringComparison.Ordinal) ? metric : $"eval_{metric}";
        if (full is not null && !TrlRecorder.EvaluationMetrics.Contains(full))
        {
            throw _values.Error("metric_for_best_model",
                $"'{metric}' is not a figure of an evaluation. Choose one of: {string.Join(", ", TrlRecorder.EvaluationMetrics)}.");
        }

        return (loads, full, _values.OptionalFlag("greater_is_better")
            ?? (full is not null && !full.EndsWith("loss", StringComparison.Ordinal)));

        static bool Remainder(double saves, double evaluates) =>
            (saves < 1) != (evaluates < 1) || Math.Round(saves * 1_000_000) % Math.Round(evaluates * 1_000_000) != 0;
    }

    private string? Resume() => _values.Text("resume_from_checkpoint") switch
    {
        null or "no" or "False" or "false" => null,
        "True" or "true" => "true",
        var folder => folder,
    };

    private bool ToTensorBoard()
    {
        IReadOnlyList<string> trackers = _values.TextList("report_to") ?? [];
        if (trackers.Where(t => t is not ("none" or "tensorboard")).ToList() is { Count: > 0 } others)
        {
            Notes.Add($"{_values.Where("report_to")}: {string.Join(", ", others)} is ignored: none and tensorboard are here, and btrm "
                + $"report shows runs.");
        }

        return trackers.Contains("tensorboard");
    }

    private bool MixedPrecision()
    {
        bool fp16 = _values.Flag("fp16");
        bool bf16 = _values.OptionalFlag("bf16") ?? !fp16;
        return fp16 && bf16 ? throw _values.Error("fp16", "and bf16 cannot both be on.") : fp16 || bf16;
    }

    private IReadOnlyList<TrlDataset> Mixture()
    {
        IReadOnlyList<JsonObject> parts = _values.List("datasets");
        string? name = _values.Text("dataset_name");
        if (parts.Count == 0 && name is null)
        {
            throw new UserInputException(
                "--dataset_name is needed: a folder, a data file or a hub's dataset; or datasets: in the configuration file.");
        }

        if (parts.Count > 0 && name is not null)
        {
            Notes.Add($"{_values.Where("dataset_name")} is ignored: datasets is given.");
        }

        List<TrlDataset> mixture = [.. parts.Select(Part)];
        return mixture.All(part => part.Fraction is null) || mixture.All(part => part.Fraction is not null)
            ? mixture
            : throw _values.Error("datasets", "fraction must stand at every dataset or at none.");
    }

    private TrlDataset Part(JsonObject part)
    {
        string[] known = ["path", "name", "data_dir", "data_files", "split", "columns", "fraction"];
        string path = Text("path") ?? throw _values.Error("datasets", "a dataset has no path.");
        if (part.Select(member => member.Key).FirstOrDefault(key => !known.Contains(key)) is { } unknown)
        {
            throw _values.Error("datasets", $"'{unknown}' is not known. A dataset has {string.Join(", ", known)}.");
        }

        string? folder = Text("data_dir");
        return new TrlDataset(
            folder is null ? path : Path.Combine(path, folder), Text("name"), Texts("data_files") ?? [], Text("split") ?? "train",
            Texts("columns"), Fraction());

        string? Text(string key) => part[key] is { } value ? TrlValues.Text(value) ?? throw Wrong(key) : null;

        IReadOnlyList<string>? Texts(string key) => part[key] switch
        {
            null => null,
            JsonArray list => [.. list.Select(item => (item is null ? null : TrlValues.Text(item)) ?? throw Wrong(key))],
            JsonObject splits =>
                splits[Text("split") ?? "train"] is { } files ? [TrlValues.Text(files) ?? throw Wrong(key)] : throw Wrong(key),
            var one => [TrlValues.Text(one) ?? throw Wrong(key)],
        };

        double? Fraction() =>
            part["fraction"] is not { } value ? null : TrlValues.Number(value) is >= 0 and var share ? share : throw Wrong("fraction");

        UserInputException Wrong(string key) => _values.Error("datasets", $"{key} has a value of the wrong kind.");
    }

    private IReadOnlyList<string> LoraWords()
    {
        if (!_values.Flag("use_peft"))
        {
            return [];
        }

        if (_values.Text("lora_task_type") is { } task and not "SEQ_CLS")
        {
            Notes.Add($"{_values.Where("lora_task_type")}: {task} is read as SEQ_CLS, which a reward model is.");
        }

        List<string> words =
        [
            "--lora", $"--lora-rank={_values.Whole("lora_r", 1)}", $"--lora-alpha={_values.Whole("lora_alpha", 1)}",
            string.Create(CultureInfo.InvariantCulture, $"--lora-dropout={_values.Number("lora_dropout", 0, 1)}"),
        ];
        if (_values.Flag("use_rslora"))
        {
            words.Add("--rslora");
        }

        if (_values.TextList("lora_modules_to_save") is { Count: > 0 } saved)
        {
            words.Add($"--lora-modules-to-save={string.Join(',', saved)}");
        }

        return words;
    }

    private static string Plain(string text) => text.Replace("`", "", StringComparison.Ordinal);

    private static string Sentence(string text) => $"{char.ToUpperInvariant(text[0])}{Plain(text)[1..]}.";
}
