using System.Globalization;
using System.Text.Json;
using Rm.Formats;
using Rm.Kernels.Checks;

namespace Rm.Host.Doctor;

/// <summary>What <c>btrm doctor --kernels</c> found: every operation of a device beside the CPU's.</summary>
/// <param name="Device">What was checked.</param>
/// <param name="IsEmulated">Whether it is the emulator, which has no rates worth telling.</param>
/// <param name="Reference">What it was compared with.</param>
/// <param name="Ceilings">Rates that the card reached, or null on what is no GPU.</param>
/// <param name="Results">The checks, in the order they ran.</param>
/// <param name="Seconds">Wall time of everything.</param>
public sealed record KernelReport(
    string Device, bool IsEmulated, string Reference, DeviceCeilings? Ceilings, IReadOnlyList<OperationCheckResult> Results, double Seconds)
{
    /// <summary>Whether every operation is within its bound.</summary>
    public bool Passed => Results.All(static result => result.Passed);

    /// <summary>Writes a table, the failures once more below it.</summary>
    public void WriteText(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine($"{Device}, beside {Reference}");
        if (Ceilings is { } ceilings)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"measured ceilings: copy {ceilings.CopyBytesPerSecond / 1e9:F0} GB/s, own products "
                + $"{ceilings.GemmFlopsPerSecond / 1e12:F1} TFLOP/s"));
        }

        output.WriteLine();
        output.WriteLine(
            $"{"operation",-18} {"shape",-58} {"error",9} {"bound",9}  {(Ceilings is null ? "" : "     time        rate      share")}");
        foreach (OperationCheckResult result in Results)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{result.Operation,-18} {result.Shape,-58} {result.Error,9:E1} {result.Bound,9:E1}  "
                    + $"{Rate(result)}{(result.Passed ? "" : " FAILED")}").TrimEnd());
        }

        output.WriteLine();
        OperationCheckResult[] failed = [.. Results.Where(static result => !result.Passed)];
        output.WriteLine(Invariant($"{Results.Count - failed.Length} of {Results.Count} within their bounds, {Seconds:F1} s"));
        foreach (OperationCheckResult result in failed)
        {
            output.WriteLine(Invariant($"FAILED: {result.Operation} {result.Shape}: ")
                + (result.Problem
                    ?? Invariant($"{result.Output} is off by {result.Error:E2} of its largest value, allowed {result.Bound:E2}")));
        }
    }

    /// <summary>
    /// Writes one JSON object. Errors and bounds are shares of the reference's largest value; an error that is no number is null. Times are
    /// seconds, rates GB/s or TFLOP/s; all of them null where nothing is timed.
    /// </summary>
    public void WriteJson(Stream output)
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("btrm", BtrmVersion.Text);
        json.WriteString("device", Device);
        json.WriteBoolean("emulated", IsEmulated);
        json.WriteString("reference", Reference);
        json.WriteBoolean("passed", Passed);
        json.WriteNumber("checks", Results.Count);
        json.WriteNumber("failed", Results.Count(static result => !result.Passed));
        json.WriteNumber("seconds", Math.Round(Seconds, 2));
        WriteNumber(json, "copy_gb_per_s", Ceilings?.CopyBytesPerSecond / 1e9);
        WriteNumber(json, "gemm_tflops", Ceilings?.GemmFlopsPerSecond / 1e12);
        json.WriteStartArray("results");
        foreach (OperationCheckResult result in Results)
        {
            WriteResult(json, result);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, OperationCheckResult result)
    {
        json.WriteStartObject();
        json.WriteString("operation", result.Operation);
        json.WriteString("shape", result.Shape);
        json.WriteBoolean("passed", result.Passed);
        json.WriteString("output", result.Output);
        WriteNumber(json, "error", result.Error);
        WriteNumber(json, "bound", result.Bound);
        json.WriteString("problem", result.Problem);
        WriteNumber(json, "seconds", result.Seconds);
        WriteNumber(json, "gb_per_s", result.Bytes / result.Seconds / 1e9);
        WriteNumber(json, "tflops", result.Flops > 0 ? result.Flops / result.Seconds / 1e12 : null);
        WriteNumber(json, "share_of_ceiling", result.ShareOfCeiling);
        json.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static string Rate(OperationCheckResult result) => result.Seconds is not { } seconds ? ""
        : Invariant($"{seconds * 1e6,9:F1} us ")
            + (result.Flops > 0 ? Invariant($"{result.Flops / seconds / 1e12,8:F1} TFLOP/s")
                : Invariant($"{result.Bytes / seconds / 1e9,8:F0} GB/s   "))
            + Invariant($" {result.ShareOfCeiling,7:P0}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
