using System.Diagnostics;
using System.Text.Json;
using TorchSharp;

namespace Rm.PeerOfficial;

/// <summary>
/// Scores requests as peer_score.py does: the texts of a request are one right-padded batch; nothing is kept for gradients.
/// </summary>
internal sealed class PeerScoring(PeerModel model, string requestsFile)
{
    /// <summary>The rewards of every request, and the seconds that all took after a first pass over two texts.</summary>
    public (IReadOnlyList<float[]> Rewards, double Seconds) Run()
    {
        using IDisposable mode = torch.inference_mode();
        int[][][] requests = [.. File.ReadLines(
            requestsFile).Select(static line => JsonDocument.Parse(line).RootElement.GetProperty("input").Deserialize<int[][]>()!)];
        _ = Score(requests[0][..2]);
        long start = Stopwatch.GetTimestamp();
        float[][] rewards = [.. requests.Select(Score)];
        return (rewards, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private float[] Score(int[][] texts)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        return model.Rewards(new PaddedBatch(texts)).data<float>().ToArray();
    }
}
