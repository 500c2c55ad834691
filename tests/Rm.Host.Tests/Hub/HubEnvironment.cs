namespace Rm.Host.Tests.Hub;

/// <summary>Tests that tell the process by its environment which hub there is: one at a time.</summary>
internal static class HubEnvironment
{
    public const string Name = "hub environment";
}
