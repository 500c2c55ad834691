using Rm.Training.RandomNumbers;

namespace Rm.Training.Model;

/// <summary>
/// The start that transformers and PEFT draw after <c>set_seed</c>: first the head, where the checkpoint has none; then three draws for
/// every adapted module in the order of the modules, for A and B as <c>nn.Linear</c> makes them and for A as PEFT draws it anew. B stays 0.
/// </summary>
internal static class TorchParameterInitializer
{
    /// <summary>Initialises every LoRA factor and, if <paramref name="drawsHead"/>, the head.</summary>
    public static void Initialize(ParameterBuffer parameters, bool drawsHead, double initializerRange, ulong seed)
    {
        var generator = new TorchGenerator(seed);
        if (drawsHead)
        {
            Parameter head = parameters.All.Single(p => p.Kind == ParameterKind.Head);
            float[] values = new float[head.Count];
            generator.Normal(values, initializerRange);
            parameters.Write(parameters.Values, head, values);
        }

        var byName = parameters.All.ToDictionary(p => p.Name, StringComparer.Ordinal);
        foreach (Parameter a in parameters.All.Where(p => p.Kind == ParameterKind.LoraA))
        {
            generator.SkipUniform(a.Count + byName[a.Name.Replace(".lora_A.", ".lora_B.", StringComparison.Ordinal)].Count);
            float[] values = new float[a.Count];
            generator.KaimingUniform(values, a.Columns);
            parameters.Write(parameters.Values, a, values);
        }
    }
}
