# Builds, tests and shows btrm on Windows, and wherever PowerShell 7 is. `./build.ps1 help` lists the verbs; build.sh has the same ones and more.
# No param(): the test programs' options, such as -class, must not be taken for parameters of this script.
$Verb = if ($args.Count -gt 0) { $args[0] } else { 'build' }
$Rest = @($args | Select-Object -Skip 1)
Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot
$hostFolder = 'src/Host/bin/Release/net10.0'
# Windows PowerShell 5 knows no $IsWindows and runs nowhere else.
$onWindows = $PSVersionTable.PSVersion.Major -lt 6 -or $IsWindows
$launcher = if ($onWindows) { './btrm.cmd' } else { './btrm' }
$script:buildOptions = @()
$script:passed = 0
$script:failed = 0
$script:skipped = 0

function Show-Usage {
    @'
usage: ./build.ps1 [verb]

  (none)           build and leave btrm.cmd (btrm elsewhere), which runs from any directory
  test [filter]    build and run all tests; a filter goes to the test programs, as in: test -class "*Tokenizer*"
  check            what must hold before a commit: format, build, tests (rules on file lengths and dependencies are among them)
  format           only the format, as check does
  demo             train on the quickstart's pairs, evaluate before and after; under three minutes on two cores
  bench [options]  measure training on this machine; options go to `btrm bench`
  fuzz [minutes]   damaged files and texts, new seeds every round; 1 minute if not given
  publish          one self-contained file for this system under out/publish
  help             this text
'@
}

# An exit code that is not 0 ends the script, as set -e does.
function Invoke-Step([string] $Program, [string[]] $Arguments) {
    & $Program @Arguments | Out-Host
    if ($LASTEXITCODE -ne 0) { throw "$Program $($Arguments -join ' ') failed (exit code $LASTEXITCODE)" }
}

function Assert-Sdk {
    if (Get-Command dotnet -ErrorAction SilentlyContinue) {
        # Windows PowerShell makes an exception of what a program writes to stderr.
        try { & dotnet --version 2>&1 | Out-Null; if ($LASTEXITCODE -eq 0) { return } } catch { }
        $found = "Found only:`n" + ((& dotnet --list-sdks | ForEach-Object { "  $_" }) -join "`n")
    }
    else { $found = 'There is no dotnet on the PATH.' }
    [Console]::Error.WriteLine(@"
btrm needs the .NET SDK 10. $found
How to get it:
  Windows   winget install Microsoft.DotNet.SDK.10
  macOS     brew install --cask dotnet-sdk
  Ubuntu    sudo apt install dotnet-sdk-10.0
  Debian    https://learn.microsoft.com/dotnet/core/install/linux-debian, then sudo apt install dotnet-sdk-10.0
  Fedora    sudo dnf install dotnet-sdk-10.0
  anywhere, without administrator rights: https://dot.net/v1/dotnet-install.ps1 with -Channel 10.0
"@)
    exit 2
}

# A solution takes its configuration from the command line, a project from Directory.Build.props: both get Release.
function Build-Project([string] $Project) {
    Invoke-Step dotnet (@('build', $Project, '-c', 'Release', '-v', 'quiet', '--nologo') + $script:buildOptions)
}

function Build-Program {
    Assert-Sdk
    Build-Project src/Host
    Write-Launcher
}

# A launcher rather than a copy: the program needs the files beside it.
function Write-Launcher {
    if (-not $onWindows) {
        Set-Content btrm -Value @(
            '#!/bin/sh'
            '# Written by build.ps1; runs the build of this folder.'
            ('exec "$(dirname "$(readlink -f "$0")")/' + $hostFolder + '/btrm" "$@"')
        )
        chmod +x btrm
        return
    }
    $program = $hostFolder.Replace('/', '\') + '\btrm.exe'
    Set-Content btrm.cmd -Encoding ascii -Value @(
        '@rem Written by build.ps1; runs the build of this folder.'
        '@"%~dp0' + $program + '" %*'
    )
}

# Runs one xUnit program and adds its summary line to the totals. No summary, or a bad exit without a failed test, is a failure.
function Invoke-Tests([string] $Program, [string[]] $Arguments) {
    $name = [System.IO.Path]::GetFileNameWithoutExtension($Program)
    Write-Host "== $name"
    $summary = $null
    & dotnet $Program @Arguments | Tee-Object "out/test/$name.log" | ForEach-Object {
        if ("$_" -match 'Total: (\d+), Errors: (\d+), Failed: (\d+), Skipped: (\d+), Not Run: (\d+)') { $summary = [int[]]$Matches[1..5] }
        elseif ("$_" -match 'Total: 0') { $summary = 0, 0, 0, 0, 0 }
        Write-Host $_
    }
    $status = $LASTEXITCODE
    if ($null -eq $summary) {
        Write-Host "$name ended without a summary (exit code $status); see out/test/$name.log"
        $script:failed++
        return
    }
    $bad = $summary[1] + $summary[2]
    # What is "not run" was not asked for: explicit tests.
    $script:passed += $summary[0] - $summary[2] - $summary[3] - $summary[4]
    $script:skipped += $summary[3]
    if ($status -ne 0 -and $bad -eq 0) {
        Write-Host "$name passed its tests and then failed (exit code $status); see out/test/$name.log"
        $bad = 1
    }
    $script:failed += $bad
}

function Invoke-AllTests([string[]] $Arguments) {
    New-Item out/test -ItemType Directory -Force | Out-Null
    foreach ($project in Get-ChildItem tests -Directory -Filter '*.Tests') {
        # About 100,000 damaged files over all formats. Everything else keeps the tests' own fast counts.
        $setsCount = -not $Arguments -and $project.Name -eq 'Rm.Host.Tests' -and -not $env:BTRM_FUZZ_ITERATIONS
        if ($setsCount) { $env:BTRM_FUZZ_ITERATIONS = '8000' }
        Invoke-Tests "$($project.FullName)/bin/Release/net10.0/$($project.Name).dll" $Arguments
        if ($setsCount) { $env:BTRM_FUZZ_ITERATIONS = $null }
    }
    if ($script:passed + $script:failed + $script:skipped -eq 0) { throw "No test was run: $Arguments" }
}

# The closing line is printed whatever happens; a build that fails counts as one failure.
function Invoke-Counted([scriptblock] $Body) {
    try { & $Body }
    catch {
        Write-Host $_
        if ($script:failed -eq 0) { $script:failed = 1 }
    }
    Write-Host "$script:passed passed, $script:failed failed, $script:skipped skipped"
    exit [int]($script:failed -ne 0)
}

function Test-Everything {
    Assert-Sdk
    Build-Project Rm.sln
    Write-Launcher
    Invoke-AllTests $Rest
}

function Assert-Format {
    Assert-Sdk
    Write-Host '== format'
    Invoke-Step dotnet @('format', 'whitespace', '--folder', '.', '--verify-no-changes', '--exclude', 'out', '.tools')
}

function Invoke-Check {
    # Analyzers run here only, for they double the build time; what is built already must be looked at again.
    $env:RunAnalyzers = 'true'
    $script:buildOptions = @('--no-incremental')
    Assert-Format
    Test-Everything
}

function Show-Demo {
    Build-Program
    Invoke-Step $launcher @('train', '--config', 'examples/quickstart/settings.json', '--output-dir', 'out/demo', '--overwrite')
    ''
    'Share of evaluation pairs whose chosen side gets the higher reward, with its 95% interval:'
    foreach ($line in Get-Content out/demo/metrics.jsonl | ConvertFrom-Json) {
        if ($line.PSObject.Properties['eval_accuracy']) {
            '  after {0,3} steps  {1:P1}  ({2:P1} to {3:P1})' -f $line.step, $line.eval_accuracy, $line.eval_accuracy_low, $line.eval_accuracy_high
        }
    }
    Get-Content examples/quickstart/after.txt
    'Next:'
    "  $launcher score --adapter out/demo/best --input examples/quickstart/eval.jsonl --output out/demo/scores.jsonl"
}

function Invoke-Fuzz {
    $minutes = 1
    if ($Rest.Count -gt 0 -and -not [int]::TryParse($Rest[0], [ref] $minutes)) {
        throw "fuzz: minutes must be a whole number, not '$($Rest[0])'"
    }
    Assert-Sdk
    Build-Project Rm.sln
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $seed = 1
    $env:BTRM_FUZZ_ITERATIONS = '1000'
    while ($script:failed -eq 0 -and $clock.Elapsed.TotalMinutes -lt $minutes) {
        Write-Host "== seeds from $seed"
        $env:BTRM_FUZZ_SEED = "$seed"
        Invoke-AllTests @('-class', '*FuzzTests')
        $seed += 1000
    }
}

function Publish-Program {
    Assert-Sdk
    $target = $onWindows ? 'win-x64' : 'linux-x64'
    $program = "out/publish/$target/btrm" + $(if ($onWindows) { '.exe' })
    $archive = "out/publish/btrm-$target.zip"
    if (Test-Path out/publish) { Remove-Item out/publish -Recurse -Force }
    # A lock file of its own: the runtime's packages are no concern of ordinary builds.
    Invoke-Step dotnet @('publish', 'src/Host', '-c', 'Release', '-r', $target, '--self-contained', '-o', "out/publish/$target", '-v', 'quiet',
        '--nologo', '-p:PublishSingleFile=true', '-p:PublishTrimmed=true', '-p:PublishReadyToRun=true', '-p:NuGetLockFilePath=obj/publish.lock.json', '-p:RestoreLockedMode=false')
    Get-ChildItem "out/publish/$target" -Include '*.pdb', '*.xml' -Recurse | Remove-Item
    Copy-Item -Path 'LICENSE', 'THIRD-PARTY-NOTICES.md', 'README.md' -Destination "out/publish/$target"
    Compress-Archive -Path "out/publish/$target/*" -DestinationPath $archive
    Invoke-Step $program @('--version')
    foreach ($file in $program, $archive) {
        $size = (Get-Item $file).Length / 1048576
        '{0,8:F1} MiB  {1}' -f $size, $file
    }
}

$env:MSBUILDDISABLENODEREUSE = '1'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'
$env:DOTNET_NOLOGO = '1'
if ($env:CI -eq 'true') {
    $env:RestoreLockedMode = 'true'
    $env:RunAnalyzers = 'true'
}
switch ($Verb) {
    'build' { Build-Program; "Built. Try: $launcher --help" }
    'test' { Invoke-Counted { Test-Everything } }
    'check' { Invoke-Counted { Invoke-Check } }
    'format' { Assert-Format }
    'demo' { Show-Demo }
    'bench' { Build-Program; & $launcher bench @Rest; exit $LASTEXITCODE }
    'fuzz' { Invoke-Counted { Invoke-Fuzz } }
    'publish' { Publish-Program }
    'help' { Show-Usage }
    default { Show-Usage; exit 2 }
}
