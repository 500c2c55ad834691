namespace Rm.Host.Serving.Http;

/// <summary>The paths of a server.</summary>
internal sealed class RouteTable(IEnumerable<Route> routes)
{
    private readonly Dictionary<string, Route[]> _byPath =
        routes.GroupBy(route => route.Path, StringComparer.Ordinal).ToDictionary(
            group => group.Key, group => group.ToArray(), StringComparer.Ordinal);

    /// <summary>Whether anything answers at a path.</summary>
    public bool Knows(string path) => _byPath.ContainsKey(path);

    /// <summary>The routes of a path, or none.</summary>
    public IReadOnlyList<Route> At(string path) => _byPath.TryGetValue(path, out Route[]? routes) ? routes : [];

    /// <summary>Methods of a path, for the Allow header.</summary>
    public string Allowed(string path) =>
        string.Join(", ", At(path).Where(route => route.IsListed).SelectMany(route => route.Methods).Distinct(StringComparer.Ordinal));
}
