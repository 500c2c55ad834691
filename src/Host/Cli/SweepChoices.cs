using Rm.Host.Experiments;

namespace Rm.Host.Cli;

/// <summary>What is to be done with a sweep.</summary>
/// <param name="Folder">Output folder.</param>
/// <param name="Jobs">Runs at a time on this machine.</param>
/// <param name="Only">Names of the runs meant; empty for all.</param>
/// <param name="Devices">Devices to deal to the runs; empty when each chooses for itself.</param>
/// <param name="DryRun">Check and show the commands only.</param>
/// <param name="Collect">Read results only.</param>
/// <param name="Slurm">Give the runs to Slurm, or null.</param>
/// <param name="ScriptOnly">Write Slurm's script, submit nothing.</param>
internal sealed record SweepChoices(
    string Folder, int Jobs, IReadOnlyList<string> Only, IReadOnlyList<string> Devices, bool DryRun, bool Collect, SlurmOptions? Slurm,
    bool ScriptOnly);
