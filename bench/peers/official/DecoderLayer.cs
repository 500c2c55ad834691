using TorchSharp;
using TorchSharp.Modules;

namespace Rm.PeerOfficial;

/// <summary>A Llama or Qwen2 decoder layer with low-rank factors on its seven linear layers.</summary>
internal sealed class DecoderLayer
{
    private readonly PeerShape _shape;
    private readonly RmsNorm _inputNorm;
    private readonly RmsNorm _mlpNorm;
    private readonly LoraLinear _q, _k, _v, _o, _gate, _up, _down;

    /// <summary>Layer <paramref name="index"/> of a start file.</summary>
    public DecoderLayer(StartFile start, int index, double alpha)
    {
        string prefix = $"model.layers.{index}.";
        LoraLinear Linear(string name) => new(start, prefix + name, alpha);
        _shape = start.Shape;
        _inputNorm = new RmsNorm(start.Take(prefix + "input_layernorm.weight"), _shape.RmsNormEpsilon);
        _mlpNorm = new RmsNorm(start.Take(prefix + "post_attention_layernorm.weight"), _shape.RmsNormEpsilon);
        _q = Linear("self_attn.q_proj");
        _k = Linear("self_attn.k_proj");
        _v = Linear("self_attn.v_proj");
        _o = Linear("self_attn.o_proj");
        _gate = Linear("mlp.gate_proj");
        _up = Linear("mlp.up_proj");
        _down = Linear("mlp.down_proj");
    }

    /// <summary>The factors, which are trained.</summary>
    public IEnumerable<Parameter> Parameters() => new[] { _q, _k, _v, _o, _gate, _up, _down }.SelectMany(static l => new[] { l.A, l.B });

    /// <summary>
    /// [batch, length, hidden] to the same. <paramref name="mask"/> [batch, 1, length, length] is true where a query sees a key;
    /// null: causal.
    /// </summary>
    public torch.Tensor Forward(torch.Tensor x, RotaryAngles angles, torch.Tensor? mask)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor middle = x + Attention(_inputNorm.Forward(x), angles, mask);
        return (middle + Mlp(_mlpNorm.Forward(middle))).MoveToOuterDisposeScope();
    }

    private torch.Tensor Attention(torch.Tensor x, RotaryAngles angles, torch.Tensor? mask)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor q = angles.Apply(Heads(_q.Forward(x), _shape.Heads));
        torch.Tensor k = angles.Apply(Heads(_k.Forward(x), _shape.KeyValueHeads));
        torch.Tensor v = Heads(_v.Forward(x), _shape.KeyValueHeads);
        torch.Tensor mixed = torch.nn.functional.scaled_dot_product_attention(
            q, Repeated(k), Repeated(v), mask, 0, is_casual: mask is null);
        return _o.Forward(mixed.transpose(1, 2).contiguous().view(x.shape[0], x.shape[1], -1)).MoveToOuterDisposeScope();
    }

    private torch.Tensor Mlp(torch.Tensor x)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        return _down.Forward(torch.nn.functional.silu(_gate.Forward(x)) * _up.Forward(x)).MoveToOuterDisposeScope();
    }

    private static torch.Tensor Heads(torch.Tensor x, int heads) => x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);

    // Every key and value head once for each query head of its group, copied, as transformers does beside a mask.
    private torch.Tensor Repeated(torch.Tensor x)
    {
        long group = _shape.Heads / _shape.KeyValueHeads;
        if (group == 1)
        {
            return x;
        }

        long[] s = x.shape;
        return x.unsqueeze(2).expand(s[0], s[1], group, s[2], s[3]).reshape(s[0], s[1] * group, s[2], s[3]);
    }
}
