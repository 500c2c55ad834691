using System.Text.Json;
using Rm.Host.Reporting;
using Rm.Kernels.Cuda;

namespace Rm.Host.Tests.Diagnostics;

public sealed class GpuSamplerTests
{
    [Fact]
    public void A_line_has_the_samples_since_the_last_one()
    {
        int count = 0;
        using var enough = new ManualResetEventSlim();
        using var sampler = new GpuSampler(() =>
        {
            if (++count == 4)
            {
                enough.Set();
            }

            return Reading(power: 100 * count);
        });
        enough.Wait(TestContext.Current.CancellationToken);
        JsonElement first = Line(sampler), second = Line(sampler);
        int samples = first.GetProperty("gpu_samples").GetInt32();
        Assert.True(samples >= 3);
        Assert.Equal(100 * samples, first.GetProperty("gpu_power_watts_max").GetDouble());
        Assert.Equal(100 * (samples + 1) / 2.0, first.GetProperty("gpu_power_watts_mean").GetDouble());
        Assert.True(second.GetProperty("gpu_power_watts_mean").GetDouble() > 100 * samples);
        Assert.True(second.GetProperty("gpu_samples").GetInt32() >= 1);
    }

    [Fact]
    public void What_the_card_does_not_tell_is_left_out()
    {
        using var sampler = new GpuSampler(() => Reading(power: null));
        JsonElement line = Line(sampler);
        Assert.False(line.TryGetProperty("gpu_power_watts_mean", out _));
        Assert.Equal(2, line.GetProperty("gpu_memory_gib_max").GetDouble());
    }

    private static GpuReading Reading(double? power) => new(50, 10, 2L << 30, power, 40, 1000, 2000);

    private static JsonElement Line(GpuSampler sampler)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            sampler.WriteFields(writer);
            writer.WriteEndObject();
        }

        return JsonDocument.Parse(buffer.ToArray()).RootElement;
    }
}
