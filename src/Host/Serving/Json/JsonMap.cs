namespace Rm.Host.Serving.Json;

/// <summary>A JSON object as a request holds it; names in the order of the text.</summary>
internal sealed class JsonMap : Dictionary<string, object?>
{
    public JsonMap()
        : base(StringComparer.Ordinal)
    {
    }

    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string name) => TryGetValue(name, out object? value) && value is not null;

    /// <summary>The field, or null.</summary>
    public object? Get(string name) => TryGetValue(name, out object? value) ? value : null;
}
