namespace Rm.Training.Statistics;

/// <summary>A pair with its rewards, as one line of a file of evaluation rows.</summary>
public sealed record EvalRow
{
    /// <summary>0-based position among all rows read.</summary>
    public required long Row { get; init; }

    /// <summary>32 hexadecimal digits that identify the pair by its texts: the same pair in two evaluations, whatever the model.</summary>
    public required string Pair { get; init; }

    /// <summary>What pairs that are not independent share: the post's id where rows have one, otherwise a hash of the prompt.</summary>
    public required string Cluster { get; init; }

    /// <summary>Reward of the preferred side.</summary>
    public required float ChosenReward { get; init; }

    /// <summary>Reward of the other side.</summary>
    public required float RejectedReward { get; init; }

    /// <summary>Tokens of the preferred side.</summary>
    public required int ChosenTokens { get; init; }

    /// <summary>Tokens of the other side.</summary>
    public required int RejectedTokens { get; init; }

    /// <summary>Margin of the loss; 0 without one.</summary>
    public float Margin { get; init; }

    /// <summary>Weight of the loss; 1 without one.</summary>
    public float Weight { get; init; } = 1;

    /// <summary>The row's domain, or null.</summary>
    public string? Domain { get; init; }

    /// <summary>The row's score ratio, or null.</summary>
    public double? ScoreRatio { get; init; }

    /// <summary>The row's subset, or null.</summary>
    public string? Subset { get; init; }

    /// <summary>Chosen minus rejected.</summary>
    public double Gap => (double)ChosenReward - RejectedReward;

    /// <summary>Chosen minus rejected length in tokens.</summary>
    public int LengthGap => ChosenTokens - RejectedTokens;
}
