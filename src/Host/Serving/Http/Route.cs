namespace Rm.Host.Serving.Http;

/// <summary>A path and what answers there.</summary>
/// <param name="Path">Exact path.</param>
/// <param name="Methods">Methods that are answered, the first being named first.</param>
/// <param name="Errors">Form of the interface's errors.</param>
/// <param name="Answer">Answers, or throws an <see cref="Models.ApiException"/>.</param>
internal sealed record Route(string Path, string[] Methods, IErrorForm Errors, Func<RequestScope, Task> Answer)
{
    /// <summary>Whether the Allow header names its methods.</summary>
    public bool IsListed { get; init; } = true;
}
