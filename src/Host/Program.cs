return Rm.Host.Cli.CommandLine.Run(args);
