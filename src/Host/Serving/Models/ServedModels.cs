namespace Rm.Host.Serving.Models;

/// <summary>The models of a server by name; the first is the one meant by requests that name none.</summary>
internal sealed class ServedModels : IDisposable
{
    private readonly Dictionary<string, ServedModel> _byName;

    public ServedModels(IReadOnlyList<ServedModel> models)
    {
        All = models;
        _byName = models.ToDictionary(model => model.Name, StringComparer.Ordinal);
    }

    /// <summary>All of them, in order.</summary>
    public IReadOnlyList<ServedModel> All { get; }

    /// <summary>The one meant without a name.</summary>
    public ServedModel Default => All[0];

    /// <summary>The model of a name; absent, null and "" mean the default. Throws a 404 otherwise.</summary>
    public ServedModel Find(string? name) =>
        string.IsNullOrEmpty(name) ? Default
        : _byName.TryGetValue(name, out ServedModel? model) ? model
        : throw new ApiException(404, $"The model `{Shorten(name)}` does not exist.");

    /// <summary>
    /// The model of a name, or the default when there is none of it: for interfaces that echo the field and do not look at it.
    /// </summary>
    public ServedModel FindOrDefault(string? name) =>
        name is not null && _byName.TryGetValue(name, out ServedModel? model) ? model : Default;

    /// <inheritdoc/>
    public void Dispose()
    {
        // Those that borrow weights go first: the base is the first.
        foreach (ServedModel model in All.Reverse())
        {
            model.Dispose();
        }
    }

    private static string Shorten(string name) => name.Length <= 200 ? name : name[..200] + "...";
}
