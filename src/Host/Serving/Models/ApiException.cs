namespace Rm.Host.Serving.Models;

/// <summary>A request that is not answered with a score. Every interface has its own form for it.</summary>
/// <param name="status">HTTP status.</param>
/// <param name="message">What is wrong and what to do; holds no text of the request.</param>
internal sealed class ApiException(int status, string message) : Exception(message)
{
    /// <summary>HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>Field that is at fault ("body.input"), or null.</summary>
    public string? Param { get; init; }

    /// <summary>The request's form is at fault, rather than what it asks for.</summary>
    public bool IsValidation { get; init; }

    /// <summary>The faults as FastAPI lists them, for the interfaces whose form that is.</summary>
    public IReadOnlyList<FieldFault> Faults { get; init; } = [];

    /// <summary>Seconds after which it may work, or null.</summary>
    public int? RetryAfter { get; init; }
}
