using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Rm.Host.Serving.Json;

/// <summary>Writes answers: UTF-8 as it is, and numbers that stay floating-point ones on the other side.</summary>
internal static class JsonReply
{
    private static readonly JsonWriterOptions Options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The bytes of a document.</summary>
    public static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            write(writer);
        }

        return buffer.WrittenMemory;
    }

    /// <summary>
    /// A reward with the digits of the float32's double value, as Python prints it, and never as a whole number: a bare 1 becomes an
    /// integer tensor in a trainer.
    /// </summary>
    public static void WriteReward(this Utf8JsonWriter writer, float value) =>
        writer.WriteRawValue(RewardText(value), skipInputValidation: true);

    /// <summary>A value of <see cref="PythonJson"/>, as it was sent.</summary>
    public static void WriteValue(this Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNullValue();
                break;
            case string text:
                writer.WriteStringValue(text);
                break;
            case bool truth:
                writer.WriteBooleanValue(truth);
                break;
            case long or int:
                writer.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case BigInteger big:
                writer.WriteRawValue(big.ToString(CultureInfo.InvariantCulture), skipInputValidation: true);
                break;
            case double real when double.IsFinite(real):
                writer.WriteRawValue(Text(real), skipInputValidation: true);
                break;
            case List<object?> list:
                writer.WriteStartArray();
                list.ForEach(writer.WriteValue);
                writer.WriteEndArray();
                break;
            case JsonMap map:
                writer.WriteStartObject();
                foreach ((string name, object? field) in map)
                {
                    writer.WritePropertyName(name);
                    writer.WriteValue(field);
                }

                writer.WriteEndObject();
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }

    /// <summary>A reward as text.</summary>
    public static string RewardText(float value) => Text(value);

    private static string Text(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().ContainsAny(".E") ? text : text + ".0";
    }
}
