using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Rm.Host.Trl;

/// <summary>The help of btrm's own options, and TRL's beneath it.</summary>
internal sealed class TrlHelpAction : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        int code = new HelpAction().Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("TRL's options (--config FILE.yaml has the same names; the command line wins):");
        foreach (string line in TrlOptionDocument.Help())
        {
            output.WriteLine(line);
        }

        return code;
    }
}
