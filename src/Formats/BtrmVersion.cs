namespace Rm.Formats;

/// <summary>The version of this build.</summary>
internal static class BtrmVersion
{
    /// <summary>Such as 0.1.0.</summary>
    public static string Text { get; } = typeof(BtrmVersion).Assembly.GetName().Version?.ToString(3) ?? "unknown";
}
