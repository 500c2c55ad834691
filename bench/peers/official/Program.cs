using System.CommandLine;
using System.Diagnostics;
using Rm.PeerOfficial;
using TorchSharp;

Option<string> start = new("--start") { Description = "What peer_train.py --save-start wrote: weights, shape, type.", Required = true };
Option<string?> data = new("--data") { Description = "Rows of chosen_ids and rejected_ids to train on." };
Option<string?> score = new("--score") { Description = "Requests of peer_score.py, to score and not to train." };
Option<int> batchSize = new("--batch-size") { Description = "Pairs of a step.", DefaultValueFactory = _ => 4 };
Option<int> microPairs = new("--micro-pairs") { Description = "Pairs computed at once.", DefaultValueFactory = _ => 4 };
Option<int> steps = new("--steps") { Description = "Timed steps.", DefaultValueFactory = _ => 3 };
Option<int> warmup = new("--warmup") { Description = "Steps before the clock starts.", DefaultValueFactory = _ => 1 };
Option<double> alpha = new("--lora-alpha") { Description = "Scale of the factors times their rank.", DefaultValueFactory = _ => 32 };
Option<double> rate = new("--lr") { Description = "Learning rate.", DefaultValueFactory = _ => 5e-5 };
Option<int> longest = new("--max-seq-len") { Description = "Tokens that a sequence is cut to.", DefaultValueFactory = _ => 1024 };
Option<int> threads = new("--threads") { Description = "Threads of an operation.", DefaultValueFactory = _ => Environment.ProcessorCount };

var command = new RootCommand(
    "The training step of peer_train.py and the scoring of peer_score.py on the CPU library that PyTorch publishes.")
{
    start, data, score, batchSize, microPairs, steps, warmup, alpha, rate, longest, threads,
};
command.SetAction(result =>
{
    torch.set_num_threads(result.GetValue(threads));
    StartFile file = StartFile.Load(result.GetValue(start)!);
    var model = new PeerModel(file, result.GetValue(alpha));
    if (result.GetValue(score) is { } requests)
    {
        (IReadOnlyList<float[]> rewards, double seconds) = new PeerScoring(model, requests).Run();
        Console.WriteLine(PeerRow.Write(file.Shape, rewards, seconds));
        return 0;
    }

    if (result.GetValue(data) is not { } pairs)
    {
        Console.Error.WriteLine("Give --data to train or --score to score.");
        return 2;
    }

    var settings = new PeerSettings(
        result.GetValue(batchSize), result.GetValue(microPairs), result.GetValue(steps), result.GetValue(warmup), result.GetValue(rate),
        result.GetValue(longest));
    var run = new PeerRun(model, PairRow.Load(pairs), settings);
    using Process self = Process.GetCurrentProcess();
    double startup = (DateTime.Now - self.StartTime).TotalSeconds;
    Console.WriteLine(PeerRow.Write(file.Shape, settings, run.Train(), startup));
    return 0;
});
return command.Parse(args).Invoke();
