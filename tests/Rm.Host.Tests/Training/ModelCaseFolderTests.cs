using System.Text.Json;
using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>
/// Cases of the form of tests/golden/models in any folder, made with other settings: <c>BTRM_MODEL_CASES=FOLDER ... -explicit only -class
/// "*ModelCaseFolderTests"</c>; on the emulated CUDA backend with <c>BTRM_MODEL_DEVICE=emulated</c>. What differs is told by case; a
/// case that is refused is told with its message.
/// </summary>
[Collection("CUDA device")]
public sealed class ModelCaseFolderTests(ITestOutputHelper output)
{
    [Fact(Explicit = true)]
    public void Every_case_of_the_folder_has_its_rewards_losses_and_gradients()
    {
        string root = Environment.GetEnvironmentVariable("BTRM_MODEL_CASES")
            ?? throw new InvalidOperationException("BTRM_MODEL_CASES names the folder with the cases.");
        int wrong = 0, total = 0;
        foreach (string folder in Directory.GetDirectories(root).Order(StringComparer.Ordinal))
        {
            string? fault = Fault(folder);
            total++;
            wrong += fault is null ? 0 : 1;
            output.WriteLine($"{Path.GetFileName(folder)}: {fault ?? "equal"}");
        }

        Assert.True(wrong == 0 && total > 0, $"{wrong} of {total} cases differ or are refused");
    }

    private static string? Fault(string folder)
    {
        try
        {
            var golden = ModelGoldenCase.Of(folder);
            using IBackend backend =
                Environment.GetEnvironmentVariable("BTRM_MODEL_DEVICE") == "emulated" ? EmulatedDevice.Open(DType.F32) : new CpuBackend(2);
            Check(golden, backend, adapter: "adapter", golden.Expected, "grads.safetensors",
                golden.Expected.GetProperty("variants").GetProperty("all").GetProperty("loss"));
            if (golden.Expected.TryGetProperty("full", out JsonElement full))
            {
                Check(golden, backend, adapter: null, full, "grads-full.safetensors", full.GetProperty("loss_all"));
            }

            return null;
        }
        catch (Exception e)
        {
            return $"{e.GetType().Name}: {e.Message.Split('\n')[0]}";
        }
    }

    private static void Check(
        ModelGoldenCase golden, IBackend backend, string? adapter, JsonElement expected, string gradients, JsonElement loss)
    {
        foreach (bool sharePrefix in new[] { true, false })
        {
            using RewardModel model = golden.Open(backend, adapter, training: true, sharePrefix ? Recompute.None : Recompute.Full);
            MicroBatchResult result = golden.Step(model, ModelGoldenCase.All, sharePrefix);
            ModelGoldenCase.AssertRewards(expected, result.Rewards, $"{adapter ?? "full"}, sharing {sharePrefix}");
            ModelGoldenCase.AssertClose(loss.GetDouble(), result.Losses.Sum(l => (double)l), 1e-2, "loss");
            golden.AssertGradients(model, gradients);
        }
    }
}
