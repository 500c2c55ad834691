using System.Text;
using Rm.Formats;
using Rm.Host.Experiments;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.Experiments;

/// <summary>Damaged sweep files give a named error or a sweep, never anything else.</summary>
public sealed class SweepFileFuzzTests
{
    private const string Valid = """
        {"note": "n", "base": {"preset": "guide-3b", "model": "org/m", "hf-dataset": "org/d", "lora": true, "lora-target-modules": ["q_proj"]},
         "matrix": {"lr": [1e-4, 5e-5], "lora-rank": [4, 8]}, "exclude": [{"lr": 1e-4, "lora-rank": 8}],
         "runs": [{"name": "A0", "note": "full", "settings": {"lora": false, "lora-target-modules": null, "steps": 10}}]}
        """;

    [Fact]
    public void Mutated_files_cause_only_clean_errors()
    {
        int seed = FuzzSettings.FirstSeed(505);
        int iterations = FuzzSettings.Iterations(300, cost: 10);
        using var scratch = new ScratchFolder();
        string path = scratch["sweep.json"];
        int accepted = 0;
        for (int i = 0; i < iterations; i++)
        {
            byte[] mutated = Mutations.Of(new Random(seed + i), Encoding.UTF8.GetBytes(Valid));
            File.WriteAllBytes(path, mutated);
            try
            {
                accepted += SweepPlan.Make(SweepFile.Read(path), scratch["out"]).Runs.Count > 0 ? 1 : 0;
            }
            catch (UserInputException)
            {
                // What a user is to read; anything else fails the test.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed + i}: {e}\n{Convert.ToBase64String(mutated)}");
            }
        }

        Assert.True(accepted < iterations);
        File.WriteAllText(path, Valid);
        Assert.Equal(4, SweepPlan.Make(SweepFile.Read(path), scratch["out"]).Runs.Count);
    }
}
