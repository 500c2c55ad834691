using System.Text.Json.Serialization;

namespace Rm.PeerOfficial;

/// <summary>What peer_train.py writes about a model into the metadata of its start file.</summary>
/// <param name="Name">The shape's name in peer_train.py.</param>
/// <param name="DType">float32 or bfloat16: the frozen weights and the activations.</param>
/// <param name="Layers">Decoder layers.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Key and value heads.</param>
/// <param name="RopeTheta">Base of the rotary frequencies.</param>
/// <param name="RmsNormEpsilon">Added to the mean square.</param>
internal sealed record PeerShape(
    [property: JsonPropertyName("shape")] string Name,
    [property: JsonPropertyName("dtype")] string DType,
    [property: JsonPropertyName("num_hidden_layers")] int Layers,
    [property: JsonPropertyName("num_attention_heads")] int Heads,
    [property: JsonPropertyName("num_key_value_heads")] int KeyValueHeads,
    [property: JsonPropertyName("rope_theta")] double RopeTheta,
    [property: JsonPropertyName("rms_norm_eps")] double RmsNormEpsilon);
