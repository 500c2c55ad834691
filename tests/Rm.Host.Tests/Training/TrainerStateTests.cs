using System.Text;
using Rm.Formats;
using Rm.Training.Evaluation;
using Rm.Training.Loop;

namespace Rm.Host.Tests.Training;

public sealed class TrainerStateTests
{
    [Fact]
    public void A_window_sums_up_steps()
    {
        MetricsWindow window = new MetricsWindow().With(Step(0.5, 2, (1, 0), (0, 3))).With(Step(0.25, 4, (2, 2), (-5, -6)));
        Assert.Equal((2, 4, 0.75, 6.0), (window.Steps, window.Pairs, window.Loss, window.GradNorm));
        Assert.Equal((2, 1), (window.Correct, window.Ties));
        Assert.Equal(1 - 3 + 0 + 1, window.Margin, 1e-12);
        Assert.Equal(1 + 0 + 0 + 3 + 2 + 2 - 5 - 6, window.Reward, 1e-12);
        Assert.Equal((-6.0, 3.0), (window.MinReward, window.MaxReward));
        Assert.True(window.IsPossible());
    }

    [Fact]
    public void A_state_reads_back_to_the_bit()
    {
        var state = new TrainerState(
            7, 123_456_789_012, 0.1 + 0.2, 6, new BestSoFar(1 / 3.0, 4, 1),
            new MetricsWindow().With(Step(1 / 7.0, Math.PI, (0.1f, -1e-30f))));
        Assert.Equal(state, TrainerState.Parse(state.ToJson(), "state.json"));
        Assert.Equal(new TrainerState(), TrainerState.Parse(new TrainerState().ToJson(), "state.json"));
    }

    [Theory]
    [InlineData("{\"step\": -1}")]
    [InlineData("{\"step\": 3, \"last_eval_step\": 4}")]
    [InlineData("{\"step\": 3, \"num_tokens\": -4}")]
    [InlineData("{\"step\": 3, \"stpe\": 4}")]
    [InlineData("{\"step\": 3, \"window\": {\"steps\": 0}}")]
    [InlineData("{\"step\": 3, \"window\": {\"steps\": 1, \"pairs\": 1, \"loss\": 1e999}}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    public void A_state_that_no_run_has_is_refused_by_name(string json)
    {
        UserInputException e = Assert.Throws<UserInputException>(() => TrainerState.Parse(Encoding.UTF8.GetBytes(json), "state.json"));
        Assert.Contains("state.json", e.Message, StringComparison.Ordinal);
    }

    private static StepResult Step(double loss, double norm, params (float Chosen, float Rejected)[] rewards)
    {
        var list = new PairRewards(rewards.Length);
        foreach ((float chosen, float rejected) in rewards)
        {
            list.Add(chosen, rejected);
        }

        return new StepResult(loss, norm, 1e-3, list, 10, 8);
    }
}
