namespace Rm.Host.Tests.Hub;

/// <summary>
/// Tells this process by its environment that a hub on loopback is the hub, until it is disposed. Its tests run one at a time: they are one
/// collection.
/// </summary>
internal sealed class HubEnvironment : IDisposable
{
    public const string Name = "hub environment";

    private static readonly string[] Variables = ["HF_ENDPOINT", "HF_HOME", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_TOKEN"];

    private readonly Dictionary<string, string?> _before = Variables.ToDictionary(name => name, Environment.GetEnvironmentVariable);

    public HubEnvironment(FakeHub hub, ScratchFolder home, string? token = null)
    {
        Array.ForEach(Variables, static name => Environment.SetEnvironmentVariable(name, null));
        Environment.SetEnvironmentVariable("HF_ENDPOINT", hub.Server.Address);
        Environment.SetEnvironmentVariable("HF_HOME", Path.Combine(home.Path, "hf"));
        Environment.SetEnvironmentVariable("HF_TOKEN", token);
    }

    public void Dispose()
    {
        foreach ((string name, string? value) in _before)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }
}
