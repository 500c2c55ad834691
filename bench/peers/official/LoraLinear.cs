using TorchSharp;
using TorchSharp.Modules;

namespace Rm.PeerOfficial;

/// <summary>
/// A frozen linear layer with low-rank factors in float32: y = x W' + b + (x A') B' * alpha / r, as PEFT computes it. Intermediate
/// results are freed on return as Python would free them; a handle kept alive would keep its memory.
/// </summary>
internal sealed class LoraLinear(StartFile start, string name, double alpha)
{
    private readonly torch.Tensor _weight = start.Take($"{name}.weight");
    private readonly torch.Tensor? _bias = start.TakeIfThere($"{name}.bias");

    /// <summary>[r, in].</summary>
    public Parameter A { get; } = new(start.Take($"{name}.lora_A.weight"));

    /// <summary>[out, r].</summary>
    public Parameter B { get; } = new(start.Take($"{name}.lora_B.weight"));

    /// <summary>[.., in] to [.., out], in the type of <paramref name="x"/>.</summary>
    public torch.Tensor Forward(torch.Tensor x)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor y = torch.nn.functional.linear(x, _weight, _bias);
        torch.Tensor low = torch.nn.functional.linear(x.to_type(A.dtype), A);
        torch.Tensor delta = torch.nn.functional.linear(low, B) * (alpha / A.shape[0]);
        return (y + delta).to_type(x.dtype).MoveToOuterDisposeScope();
    }
}
