using TorchSharp;
using TorchSharp.Modules;

namespace Rm.PeerOfficial;

/// <summary>The sequence classifier of transformers with one label: decoder, then a trained head on each sequence's last token.</summary>
internal sealed class PeerModel
{
    private readonly PeerShape _shape;
    private readonly torch.Tensor _embedding;
    private readonly DecoderLayer[] _layers;
    private readonly RmsNorm _norm;

    /// <summary>Takes the tensors of <paramref name="start"/>.</summary>
    public PeerModel(StartFile start, double alpha)
    {
        _shape = start.Shape;
        _embedding = start.Take("model.embed_tokens.weight");
        _layers = [.. Enumerable.Range(0, _shape.Layers).Select(i => new DecoderLayer(start, i, alpha))];
        _norm = new RmsNorm(start.Take("model.norm.weight"), _shape.RmsNormEpsilon);
        Trained = [.. _layers.SelectMany(static l => l.Parameters()), new Parameter(start.Take("score.weight"))];
    }

    /// <summary>Factors, then the head.</summary>
    public IReadOnlyList<Parameter> Trained { get; }

    /// <summary>Rewards [sequences] in float32.</summary>
    public torch.Tensor Rewards(PaddedBatch batch)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor x = _embedding.index_select(0, batch.Ids.view(-1)).view(batch.Ids.shape[0], batch.Length, -1);
        torch.Tensor? mask = batch.Mask();
        var angles = new RotaryAngles(batch.Length, x.shape[2] / _shape.Heads, _shape.RopeTheta, x.dtype);
        foreach (DecoderLayer layer in _layers)
        {
            torch.Tensor next = layer.Forward(x, angles, mask);
            x.Dispose();
            x = next;
        }

        torch.Tensor logits = torch.nn.functional.linear(_norm.Forward(x), Trained[^1]);
        return logits.squeeze(-1).gather(1, batch.Last.unsqueeze(1)).squeeze(1).to_type(torch.ScalarType.Float32).MoveToOuterDisposeScope();
    }
}
