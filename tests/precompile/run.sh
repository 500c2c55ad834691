#!/bin/sh
# Compiles btrm's assemblies, and the libraries it starts with, in the folders of programs to machine code (ReadyToRun), as a release has
# them: the tests start btrm some hundreds of times, and in six classes that do, 48 of 170 seconds of processor time were the compiler's at
# run time. A program runs without it all the same: what cannot be had is said, and nothing fails.
#
#   tests/precompile/run.sh FOLDER...
set -eu
cd "$(dirname "$0")/../.."
out=out/precompile
mkdir -p "$out"

leave() { echo "Programs are compiled as they run: $1"; exit 0; }

project=tests/precompile/Precompiler.csproj
dotnet restore "$project" -v quiet >"$out/restore.log" 2>&1 || leave "the compiler's package cannot be had; see $out/restore.log"
property() { dotnet msbuild "$project" -getProperty:"$1"; }
version=$(property BundledNETCoreAppPackageVersion)
compiler=$(property NuGetPackageRoot)microsoft.netcore.app.crossgen2.$(property NETCoreSdkRuntimeIdentifier)/$version/tools/crossgen2
[ -x "$compiler" ] || leave "no $compiler"
framework=$(dotnet --list-runtimes | sed -nE "s/^Microsoft\.NETCore\.App (10\.[^ ]+) \[(.*)\]$/\2\/\1/p" | tail -n 1)
web=$(echo "$framework" | sed 's/Microsoft\.NETCore\.App/Microsoft.AspNetCore.App/')
[ -d "$framework" ] && [ -d "$web" ] || leave "no runtime 10 in 'dotnet --list-runtimes'"

# What a program's folder holds is what was built, or what this script made of it the last time.
compile() { # FILE NAME
    built=$out/$2.built.dll compiled=$out/$2.compiled.dll
    if [ -f "$compiled" ] && { cmp -s "$1" "$compiled" || cmp -s "$1" "$built"; }; then return; fi
    rm -f "$compiled"
    cp "$1" "$built"
    if "$compiler" "$1" -O -r "$framework/*.dll" -r "$web/*.dll" -r "$(dirname "$1")/*.dll" -o "$compiled.new" >"$out/$2.log" 2>&1; then
        mv "$compiled.new" "$compiled"
    else
        echo "Compiled as it runs: $1; see $out/$2.log"
    fi
}

names='Rm.Formats Rm.Kernels Rm.Training btrm System.CommandLine Spectre.Console Rm.Host.Tests'
for folder in "$@"; do
    for name in $names; do
        if [ -f "$folder/$name.dll" ]; then compile "$folder/$name.dll" "$name" & fi
    done
    wait
    for name in $names; do
        if [ -f "$folder/$name.dll" ] && [ -f "$out/$name.compiled.dll" ]; then cp "$out/$name.compiled.dll" "$folder/$name.dll"; fi
    done
done
