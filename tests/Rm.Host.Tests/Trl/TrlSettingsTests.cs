using Rm.Formats;
using Rm.Host.Trl;

namespace Rm.Host.Tests.Trl;

/// <summary>What is honoured, ignored, refused, and how values are read.</summary>
public sealed class TrlSettingsTests
{
    private const string Needed = "--model_name_or_path M --dataset_name D";

    [Fact]
    public void Defaults_are_TRLs()
    {
        TrlSettings settings = Read("");
        Assert.Equal(("trainer_output", 8, 8, 1, 3.0, 1e-4), (
            settings.OutputDir, settings.BatchSize, settings.EvalBatchSize, settings.Accumulation, settings.Epochs, settings.LearningRate));
        Assert.Equal((42UL, 42UL, 1024, 1.0, 0.0),
            (settings.Seed, settings.DataSeed, settings.MaxLength, settings.MaxGradNorm, settings.CenterRewards));
        Assert.Equal((TrlStrategy.Steps, 10.0, TrlStrategy.No, TrlStrategy.Steps, 500.0), (settings.Logging.Strategy,
            settings.Logging.Every, settings.Evaluation.Strategy, settings.Saving.Strategy, settings.Saving.Every));
        Assert.Equal(
            (true, false, int.MaxValue, false), (settings.IsMixedPrecision, settings.DropoutActs, settings.SaveLimit, settings.LoadsBest));
        Assert.Empty(settings.LoraWords);
        Assert.Null(settings.BestMetric);
    }

    [Theory]
    [InlineData("--use-peft", "--lora --lora-rank=16 --lora-alpha=32 --lora-dropout=0.05")]
    [InlineData("--use_peft --lora_target_modules all-linear --lora_r=2 --use_rslora True --lora_dropout 0",
        "--lora --lora-rank=2 --lora-alpha=32 --lora-dropout=0 --rslora")]
    [InlineData("--use_peft yes --lora_target_modules q_proj up_proj --lora_modules_to_save norm",
        "--lora --lora-rank=16 --lora-alpha=32 --lora-dropout=0.05 --lora-modules-to-save=norm")]
    public void Adapters_are_described_to_btrm(string words, string expected) =>
        Assert.Equal(expected, string.Join(' ', Read(words).LoraWords));

    [Theory]
    [InlineData("--dataset_streaming", "--dataset_streaming: not here. Rows are read once")]
    [InlineData("--use_dora True", "--use_dora: not here.")]
    [InlineData("--load_in_4bit", "--load_in_4bit: not here.")]
    [InlineData("--deepspeed ds.json", "--deepspeed: not here.")]
    [InlineData("--optim adafactor", "--optim: 'adafactor' is not known. Choose one of: adamw_torch, adamw_torch_fused")]
    [InlineData("--lr_scheduler_type greedy", "follows the evaluations")]
    [InlineData("--lr_scheduler_type cosin", "did you mean cosine?")]
    [InlineData("--lr_scheduler_type cosine --lr_scheduler_kwargs {\"min_lr\":1}", "cosine has no argument 'min_lr'. It takes num_cycles")]
    [InlineData("--lr_scheduler_type cosine_with_min_lr", "needs one of min_lr and min_lr_rate")]
    [InlineData("--lr_scheduler_kwargs {", "--lr_scheduler_kwargs: is not valid JSON")]
    [InlineData("--learning_rate fast", "--learning_rate: must be a number, not \"fast\"")]
    [InlineData("--per_device_train_batch_size 0", "must be a whole number of 1 or more")]
    [InlineData("--per_device_train_batch_size 1.5", "must be a whole number of 1 or more")]
    [InlineData("--learning_rate", "takes one value, not 0")]
    [InlineData("--learning_rate 1 2", "takes one value, not 2")]
    [InlineData("--load_best_model_at_end --eval_strategy epoch", "must be the same")]
    [InlineData(
        "--load_best_model_at_end --eval_strategy steps --eval_steps 3 --save_steps 4", "save_steps must be a multiple of eval_steps")]
    [InlineData("--load_best_model_at_end --eval_strategy epoch --save_strategy epoch --metric_for_best_model f1",
        "'f1' is not a figure of an evaluation")]
    [InlineData("--save_strategy best", "best needs metric_for_best_model")]
    [InlineData("--bf16 True --fp16 True", "cannot both be on")]
    [InlineData("--train_sampling_strategy group_by_length", "nothing is wasted on padding")]
    [InlineData("--logging_steps 2.5", "must be a whole number of steps, or a share")]
    [InlineData("--datasets x", "is given in a file")]
    [InlineData("out", "unexpected argument 'out'")]
    [InlineData("--logging_s 5", "--logging_s: could be logging_strategy, logging_steps")]
    public void What_cannot_be_done_is_said_by_name(string words, string message) =>
        Assert.Contains(message, Assert.Throws<UserInputException>(() => Read(words)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("--max_len 77", 77)]
    [InlineData("--max-len=78", 78)]
    public void The_beginning_of_a_name_is_enough_as_for_argparse(string words, int expected) =>
        Assert.Equal(expected, Read(words).MaxLength);

    [Theory]
    [InlineData("--push_to_hub", "--push_to_hub is ignored: nothing is uploaded")]
    [InlineData("--dataloader_num_workers 4", "--dataloader_num_workers is ignored")]
    [InlineData("--report_to wandb", "wandb is ignored")]
    [InlineData("--label_smoothing_factor 0.1", "it has no effect in TRL's reward trainer either")]
    [InlineData("--lerning_rate 1", "--lerning_rate is not an option of TRL's and is ignored, as TRL does (did you mean learning_rate?)")]
    [InlineData("--warmup_ratio 0.1",
        "--warmup_ratio is not an option of TRL's any more and is ignored, as TRL does: give warmup_steps, a share of the run")]
    [InlineData("--num_processes 8", "--num_processes is ignored: there is one process")]
    [InlineData("--use_peft --lora_task_type CAUSAL_LM", "CAUSAL_LM is read as SEQ_CLS")]
    public void What_changes_nothing_is_said_once(string words, string note)
    {
        TrlSettingsReader reader = Reader(words);
        reader.Read();
        Assert.Single(reader.Notes, text => text.Contains(note, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--gradient_checkpointing True --dataloader_num_workers 0 --report_to none --push_to_hub False --bf16 None")]
    [InlineData("--no_gradient_checkpointing=false --weight_decay 0 --optim_args None")]
    public void Defaults_that_are_given_are_not_spoken_of(string words)
    {
        TrlSettingsReader reader = Reader(words);
        Assert.True(reader.Read().IsMixedPrecision);
        Assert.All(reader.Notes, note => Assert.Contains("gradient_checkpointing", note, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--no_disable_dropout", true)]
    [InlineData("--disable_dropout False", true)]
    [InlineData("--disable_dropout", false)]
    public void Flags_are_read_as_argparse_reads_them(string words, bool acts) => Assert.Equal(acts, Read(words).DropoutActs);

    [Fact]
    public void The_command_line_goes_before_the_file()
    {
        string path = Path.Combine(Path.GetTempPath(), $"btrm-{Guid.NewGuid():N}.yaml");
        File.WriteAllText(path, "learning_rate: 5e-4\nseed: 3\neval_strategy: no\nlora_alpha: 8\nuse_peft: true\nenv: {A: 1}\nunheard_of: "
            + "1\ndatasets:\n- path: json\n  data_files: [a.jsonl]\n  fraction: 0.5\n- path: b\n  split: test[:10%]\n  fraction: 1\n");
        try
        {
            TrlSettingsReader reader = new(TrlArguments.Parse(["--seed=4", "--config", path, "--model_name_or_path", "M"]));
            TrlSettings settings = reader.Read();
            Assert.Equal((5e-4, 4UL, TrlStrategy.No), (settings.LearningRate, settings.Seed, settings.Evaluation.Strategy));
            Assert.Equal(["json", "b"], settings.Mixture.Select(part => part.Path));
            Assert.Equal("test[:10%]", settings.Mixture[1].Split);
            string[] notes = ["env is ignored", "unheard_of is not an option of TRL's", "CAUSAL_LM is read as SEQ_CLS"];
            Assert.Equal(notes.Length, reader.Notes.Count);
            Assert.All(notes, note => Assert.Contains(reader.Notes, text => text.Contains(note, StringComparison.Ordinal)));
            Assert.Contains(
                ": lora_r", Assert.Throws<UserInputException>(() => With(path, "lora_r: [1]\n")).Message, StringComparison.Ordinal);
            Assert.Contains("must hold names with values", Assert.Throws<UserInputException>(() => With(path, "- a\n")).Message,
                StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }

        static void With(string path, string yaml)
        {
            File.WriteAllText(path, "use_peft: true\n" + yaml);
            if (yaml[0] == '-')
            {
                File.WriteAllText(path, yaml);
            }

            new TrlSettingsReader(TrlArguments.Parse([.. Needed.Split(' '), "--config", path])).Read();
        }
    }

    [Theory]
    [InlineData("--warmup_steps 0.1", 20, 2)]
    [InlineData("--warmup_steps 0.11", 20, 3)]
    [InlineData("--warmup_steps 7", 20, 7)]
    public void A_warm_up_below_one_is_a_share(string words, int steps, int expected)
    {
        TrlSettings settings = Read(words);
        Assert.Equal(expected, settings.Warmup >= 1 ? (int)settings.Warmup : (int)Math.Ceiling(steps * settings.Warmup));
        Assert.Equal(expected, new TrlInterval(TrlStrategy.Steps, settings.Warmup).Of(steps));
    }

    private static TrlSettings Read(string words) => Reader(words).Read();

    private static TrlSettingsReader Reader(string words) =>
        new(TrlArguments.Parse([.. words.Split(' ', StringSplitOptions.RemoveEmptyEntries), .. Needed.Split(' ')]));
}
