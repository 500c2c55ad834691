using TorchSharp;

namespace Rm.PeerOfficial;

/// <summary>Cosines and sines of the rotary positions of one batch, [1, 1, length, head size], computed in float32.</summary>
internal sealed class RotaryAngles
{
    private readonly torch.Tensor _cos;
    private readonly torch.Tensor _sin;

    /// <summary>Angles of positions 0 to <paramref name="length"/> - 1; they live in the caller's scope.</summary>
    public RotaryAngles(long length, long headSize, double theta, torch.ScalarType type)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor frequencies = 1.0 / torch.pow(theta, torch.arange(0, headSize, 2, torch.ScalarType.Float32) / headSize);
        torch.Tensor angles = torch.arange(length, torch.ScalarType.Float32).unsqueeze(1) * frequencies.unsqueeze(0);
        torch.Tensor both = torch.cat([angles, angles], -1).view(1, 1, length, headSize);
        _cos = both.cos().to_type(type).MoveToOuterDisposeScope();
        _sin = both.sin().to_type(type).MoveToOuterDisposeScope();
    }

    /// <summary>Turns [batch, heads, length, head size].</summary>
    public torch.Tensor Apply(torch.Tensor x)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor[] halves = x.chunk(2, -1);
        torch.Tensor turned = torch.cat([-halves[1], halves[0]], -1);
        return (x * _cos + turned * _sin).MoveToOuterDisposeScope();
    }
}
