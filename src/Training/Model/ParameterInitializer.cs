namespace Rm.Training.Model;

/// <summary>
/// Initial values of what no checkpoint brings, as PEFT and transformers draw them: A ~ U(-1/sqrt(in), 1/sqrt(in)), B = 0,
/// head ~ N(0, initializer_range). Numbers depend on the seed and the parameter's name alone.
/// </summary>
internal static class ParameterInitializer
{
    /// <summary>Initialises every LoRA factor.</summary>
    public static void InitializeLora(ParameterBuffer parameters, ulong seed)
    {
        foreach (Parameter parameter in parameters.All)
        {
            if (parameter.Kind == ParameterKind.LoraA)
            {
                var random = new CounterRandom(seed, parameter.Name);
                float bound = 1 / MathF.Sqrt(parameter.Columns);
                float[] values = new float[parameter.Count];
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] = (float)(((2 * random.Uniform(i)) - 1) * bound);
                }

                parameters.Write(parameters.Values, parameter, values);
            }
        }
    }

    /// <summary>Initialises the head.</summary>
    public static void InitializeHead(ParameterBuffer parameters, double initializerRange, ulong seed)
    {
        Parameter head = parameters.All.Single(p => p.Kind == ParameterKind.Head);
        var random = new CounterRandom(seed, head.Name);
        float[] values = new float[head.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(initializerRange * random.Normal(i));
        }

        parameters.Write(parameters.Values, head, values);
    }
}
