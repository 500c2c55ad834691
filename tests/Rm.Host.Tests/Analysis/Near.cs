using System.Diagnostics.CodeAnalysis;

namespace Rm.Host.Tests.Analysis;

/// <summary>Numbers, or pairs of them, that differ by no more than a tolerance; NaN equals nothing.</summary>
internal sealed class Near(double tolerance) : IEqualityComparer<(double, double)>, IEqualityComparer<double?>
{
    public bool Equals((double, double) x, (double, double) y) => Equals(x.Item1, y.Item1) && Equals(x.Item2, y.Item2);

    public bool Equals(double? x, double? y) => x is null ? y is null : y is not null && Math.Abs(x.Value - y.Value) <= tolerance;

    public int GetHashCode((double, double) obj) => 0;

    public int GetHashCode([DisallowNull] double? obj) => 0;
}
