using System.Text.Json;
using Rm.Formats.Json;

namespace Rm.Training.LowBit;

/// <summary>config.json's quantization_config: which forms of it can be read; everything else is an error by name.</summary>
internal static class QuantizationSettings
{
    private const string Field = "quantization_config";

    /// <summary>Checks the setting and returns the size of fp8 blocks.</summary>
    public static int Read(JsonFields fields, List<string> warnings)
    {
        const int Published = 128;
        if (fields.OptionalObject(Field) is not { } settings || !fields.IsSet(Field))
        {
            return Published;
        }

        string method = settings.OptionalString("quant_method")
            ?? (settings.Bool("load_in_4bit", false) || settings.Bool("load_in_8bit", false) ? "bitsandbytes" : "");
        switch (method)
        {
            case "bitsandbytes":
                if (settings.Bool("load_in_4bit", false)
                    && (settings.OptionalString("bnb_4bit_quant_type") ?? "fp4") is not "nf4" and var type)
                {
                    throw settings.Error("bnb_4bit_quant_type", $"is \"{type}\"; nf4 can be read.");
                }

                return Published;
            case "fp8":
                if (settings.OptionalString("activation_scheme") is { } scheme)
                {
                    warnings.Add($"{Field}.activation_scheme = {scheme} is not applied: weights are read as the values that they stand "
                        + $"for, activations are not quantized.");
                }

                return settings.Find("weight_block_size") is { ValueKind: JsonValueKind.Array } sizes
                    ? sizes.EnumerateArray().Select(s => s.ValueKind == JsonValueKind.Number && s.TryGetInt32(out int n) ? n : 0).Distinct()
                        .ToArray() is [> 0 and <= 1 << 16 and var size]
                        ? size
                        : throw settings.Wrong("weight_block_size", sizes, "two equal numbers")
                    : Published;
            case "compressed-tensors" when settings.OptionalString("format") is "float-quantized" or "naive-quantized":
                return Published;
            case "compressed-tensors":
                throw settings.Error("format", $"is \"{settings.OptionalString("format")}\"; float-quantized can be read.");
            default:
                throw settings.Error("quant_method",
                    $"is \"{method}\"; bitsandbytes (nf4, int8), fp8 and compressed-tensors (float-quantized) can be read.");
        }
    }
}
