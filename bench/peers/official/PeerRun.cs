using System.Diagnostics;
using TorchSharp;
using TorchSharp.Modules;

namespace Rm.PeerOfficial;

/// <summary>Training steps, timed, as peer_train.py takes them: loss over micro-batches, clipping to norm 1, AdamW.</summary>
internal sealed class PeerRun(PeerModel model, IReadOnlyList<PairRow> rows, PeerSettings settings)
{
    private int _next;

    /// <summary>Warm-up steps and timed ones, in this order.</summary>
    public IReadOnlyList<PeerStep> Train()
    {
        using AdamW optimizer = torch.optim.AdamW(model.Trained, lr: settings.LearningRate, weight_decay: 0.01);
        return [.. Enumerable.Range(0, settings.Warmup + settings.Steps).Select(_ => Step(optimizer)).ToArray()];
    }

    private PeerStep Step(AdamW optimizer)
    {
        long start = Stopwatch.GetTimestamp(), tokens = 0;
        double loss = 0;
        using DisposeScope scope = torch.NewDisposeScope();
        for (int done = 0; done < settings.BatchSize; done += settings.MicroPairs)
        {
            PairRow[] pairs = [.. Enumerable.Range(0, settings.MicroPairs).Select(_ => rows[_next++ % rows.Count])];
            loss += Backward(pairs, ref tokens);
        }

        double norm = torch.nn.utils.clip_grad_norm_(model.Trained, 1.0);
        optimizer.step();
        optimizer.zero_grad();
        return new PeerStep(Stopwatch.GetElapsedTime(start).TotalSeconds, tokens, loss, norm);
    }

    private double Backward(PairRow[] pairs, ref long tokens)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        IEnumerable<int[]> texts = pairs.Select(static p => p.Chosen).Concat(pairs.Select(static p => p.Rejected));
        var batch = new PaddedBatch([.. texts.Select(ids => ids[..Math.Min(ids.Length, settings.LongestSequence)])]);
        tokens += batch.Tokens;
        torch.Tensor rewards = model.Rewards(batch);
        torch.Tensor margins = rewards[..pairs.Length] - rewards[pairs.Length..];
        torch.Tensor loss = -torch.nn.functional.logsigmoid(margins).mean() * ((double)settings.MicroPairs / settings.BatchSize);
        loss.backward();
        return loss.item<float>();
    }
}
