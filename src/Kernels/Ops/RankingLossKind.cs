namespace Rm.Kernels.Ops;

/// <summary>How the answers of a ranking are compared.</summary>
public enum RankingLossKind
{
    /// <summary>The mean of the pair loss over the ranking's pairs (Ouyang et al. 2022, equation 1).</summary>
    Pairwise,

    /// <summary>
    /// The negative log likelihood of the ranking (Plackett 1975, Luce 1959; ListMLE, Xia et al. 2008): each answer is chosen among itself
    /// and all that it is better than.
    /// </summary>
    PlackettLuce,
}
