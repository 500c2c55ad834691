using TorchSharp;

namespace Rm.PeerOfficial;

/// <summary>x / sqrt(mean(x^2) + epsilon), in float32, times a frozen weight, pass by pass as transformers writes it.</summary>
internal sealed class RmsNorm(torch.Tensor weight, double epsilon)
{
    /// <summary>[.., hidden] to the same.</summary>
    public torch.Tensor Forward(torch.Tensor x)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor wide = x.to_type(torch.ScalarType.Float32);
        torch.Tensor variance = wide.pow(2).mean([-1], keepdim: true);
        torch.Tensor normed = wide * torch.rsqrt(variance + epsilon);
        return (weight * normed.to_type(x.dtype)).MoveToOuterDisposeScope();
    }
}
