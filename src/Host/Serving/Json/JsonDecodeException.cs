namespace Rm.Host.Serving.Json;

/// <summary>A text is not JSON.</summary>
/// <param name="message">Python's words for it.</param>
/// <param name="position">Where, in characters.</param>
internal sealed class JsonDecodeException(string message, int position) : Exception(message)
{
    /// <summary>Where, in characters from the beginning.</summary>
    public int Position { get; } = position;
}
