using System.Text.Json.Serialization;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>What a diagnostic says about the pipeline. The worst of several is the highest.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
public enum Verdict
{
    /// <summary>As expected of a sound pipeline.</summary>
    [JsonStringEnumMemberName("pass")]
    Pass,

    /// <summary>Too few pairs, or something is missing, to tell.</summary>
    [JsonStringEnumMemberName("inconclusive")]
    Inconclusive,

    /// <summary>Not as expected, beyond what chance explains.</summary>
    [JsonStringEnumMemberName("fail")]
    Fail,
}
