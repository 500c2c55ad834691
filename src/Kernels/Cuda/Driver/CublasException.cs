namespace Rm.Kernels.Cuda.Driver;

/// <summary>A cuBLASLt call failed. The message has the call, the status's name and number, and what was asked for.</summary>
public sealed class CublasException : Exception
{
    /// <summary>A failure of <paramref name="call"/>.</summary>
    /// <param name="call">Name of the library's call.</param>
    /// <param name="status">What it returned.</param>
    /// <param name="detail">What was asked for (sizes), or null.</param>
    public CublasException(string call, CublasStatus status, string? detail = null)
        : base($"{call} failed with {status} ({(int)status})." + (detail is null ? "" : " " + detail))
    {
        Call = call;
        Status = status;
    }

    /// <summary>Name of the library's call.</summary>
    public string Call { get; }

    /// <summary>What it returned.</summary>
    public CublasStatus Status { get; }

    /// <summary>Throws when <paramref name="status"/> is not success.</summary>
    /// <exception cref="CublasException">The call failed.</exception>
    internal static void Check(CublasStatus status, string call, string? detail = null)
    {
        if (status != CublasStatus.Success)
        {
            throw new CublasException(call, status, detail);
        }
    }
}
