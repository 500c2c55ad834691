namespace Rm.Host.Serving.Models;

/// <summary>A field that does not hold what it must, in pydantic's terms.</summary>
/// <param name="Type">"missing", "list_type", "json_invalid", ...</param>
/// <param name="Location">Path of the field: names and positions.</param>
/// <param name="Message">What it must be.</param>
/// <param name="Input">What was there.</param>
internal sealed record FieldFault(string Type, IReadOnlyList<object> Location, string Message, object? Input)
{
    /// <summary>Words of the error below, for "json_invalid".</summary>
    public string? Context { get; init; }
}
