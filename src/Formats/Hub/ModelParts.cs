namespace Rm.Formats.Hub;

/// <summary>What is needed of a model's repository.</summary>
public enum ModelParts
{
    /// <summary>Configuration, tokenizer and weights.</summary>
    All,

    /// <summary>Configuration and tokenizer.</summary>
    Tokenizer,

    /// <summary>A LoRA adapter: its configuration and weights.</summary>
    Adapter,
}
