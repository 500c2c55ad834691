namespace Rm.Host.Trl;

/// <summary>Data, model and adapter.</summary>
internal static partial class TrlOptionTable
{
    private static TrlOption[] Script() =>
    [
        new("dataset_name", TrlOptionKind.Text, "null", TrlTreatment.Honoured,
            "a folder or data file, or a hub's dataset: `--hf-dataset`"),
        new("dataset_config", TrlOptionKind.Text, "null", TrlTreatment.Honoured,
            "`--hf-config`"),
        new("dataset_train_split", TrlOptionKind.Text, "\"train\"", TrlTreatment.Honoured,
            "`--hf-split`"),
        new("dataset_test_split", TrlOptionKind.Text, "\"test\"", TrlTreatment.Honoured,
            "`--eval-split`; read unless `eval_strategy` is no"),
        new("dataset_streaming", TrlOptionKind.Flag, "false", TrlTreatment.Refused,
            "rows are read once and kept as token ids, so nothing is won by it; leave it away, and take `train_sampling_strategy: "
                + "sequential` for the order that it gives"),
        new("ignore_bias_buffers", TrlOptionKind.Flag, "false", TrlTreatment.Ignored,
            "there is no DDP here"),
    ];

    private static TrlOption[] Model() =>
    [
        new("model_name_or_path", TrlOptionKind.Text, "null", TrlTreatment.Honoured,
            "`--model`"),
        new("model_revision", TrlOptionKind.Text, "\"main\"", TrlTreatment.Honoured,
            "`--model NAME@REVISION`"),
        new("dtype", TrlOptionKind.Text, "\"float32\"", TrlTreatment.Honoured,
            "`float32`, `bfloat16`, `auto`: weights stay in the checkpoint's type, the CPU computes in float32, what is trained is "
                + "float32"),
        new("attn_implementation", TrlOptionKind.Text, "null", TrlTreatment.Ignored,
            "there is one, with exact softmax"),
        new("use_peft", TrlOptionKind.Flag, "false", TrlTreatment.Honoured,
            "`--lora`"),
        new("lora_r", TrlOptionKind.Whole, "16", TrlTreatment.Honoured,
            "`--lora-rank`"),
        new("lora_alpha", TrlOptionKind.Whole, "32", TrlTreatment.Honoured,
            "`--lora-alpha`"),
        new("lora_dropout", TrlOptionKind.Number, "0.05", TrlTreatment.Honoured,
            "`--lora-dropout`; stands in adapter_config.json and acts only with `disable_dropout: false`"),
        new("lora_target_modules", TrlOptionKind.TextList, "null", TrlTreatment.Honoured,
            "`--lora-target-modules`; one word that is no module is a pattern over the whole path, as in PEFT; default as PEFT's: q_proj "
                + "and v_proj"),
        new("lora_target_parameters", TrlOptionKind.TextList, "null", TrlTreatment.Refused,
            "factors on single parameters are not here: `lora_target_modules`"),
        new("lora_modules_to_save", TrlOptionKind.TextList, "null", TrlTreatment.Honoured,
            "`--lora-modules-to-save`: norms; the head always is"),
        new("lora_task_type", TrlOptionKind.Text, "\"CAUSAL_LM\"", TrlTreatment.Honoured,
            "always SEQ_CLS here; TRL's default, CAUSAL_LM, ends in an error there"),
        new("use_rslora", TrlOptionKind.Flag, "false", TrlTreatment.Honoured,
            "`--rslora`"),
        new("use_dora", TrlOptionKind.Flag, "false", TrlTreatment.Refused,
            "DoRA is not trained here; leave it away"),
        new("load_in_8bit", TrlOptionKind.Flag, "false", TrlTreatment.Refused,
            "the base is not quantised here: bfloat16 weights take 2 bytes; `--recompute full` saves memory"),
        new("load_in_4bit", TrlOptionKind.Flag, "false", TrlTreatment.Refused,
            "the base is not quantised here: bfloat16 weights take 2 bytes; `--recompute full` saves memory"),
        new("bnb_4bit_quant_type", TrlOptionKind.Text, "\"nf4\"", TrlTreatment.Ignored,
            "they are about `load_in_4bit`"),
        new("use_bnb_nested_quant", TrlOptionKind.Flag, "false", TrlTreatment.Ignored,
            "they are about `load_in_4bit`"),
        new("bnb_4bit_quant_storage", TrlOptionKind.Text, "null", TrlTreatment.Ignored,
            "they are about `load_in_4bit`"),
    ];

    private static TrlOption[] Mixture() =>
    [
        new("datasets", TrlOptionKind.List, "[]", TrlTreatment.Honoured,
            "a mixture: path, name, data_dir, data_files, split, columns, fraction"),
        new("streaming", TrlOptionKind.Flag, "false", TrlTreatment.Refused,
            "rows are read once and kept as token ids, so nothing is won by it; leave it away, and take `train_sampling_strategy: "
                + "sequential` for the order that it gives"),
        new("test_split_size", TrlOptionKind.Number, "null", TrlTreatment.Honoured,
            "a number of rows or a share; TRL draws them from a seed that differs every time, here `seed` decides"),
    ];
}
