using System.Text.Json;

namespace Rm.Host.Serving.Vllm;

/// <summary>Counts of tokens as answers hold them.</summary>
internal static class Usage
{
    /// <summary>All five keys.</summary>
    public static void Write(Utf8JsonWriter writer, long tokens)
    {
        writer.WriteStartObject("usage");
        Two(writer, tokens);
        writer.WriteNumber("completion_tokens", 0);
        writer.WriteNull("prompt_tokens_details");
        writer.WriteNull("completion_tokens_details");
        writer.WriteEndObject();
    }

    /// <summary>The two that /rerank has.</summary>
    public static void WriteShort(Utf8JsonWriter writer, long tokens)
    {
        writer.WriteStartObject("usage");
        Two(writer, tokens);
        writer.WriteEndObject();
    }

    private static void Two(Utf8JsonWriter writer, long tokens)
    {
        writer.WriteNumber("prompt_tokens", tokens);
        writer.WriteNumber("total_tokens", tokens);
    }
}
