#!/usr/bin/env bash
# Builds the program of this folder on first use (480 MB of libtorch from NuGet) and runs it: the training step of peer_train.py on the CPU
# library that PyTorch publishes. `run.sh --help` lists the options. Linux on x64.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$here/bin/Release/net10.0/linux-x64/Rm.PeerOfficial.dll
dotnet=$(readlink -f "$(command -v dotnet)")
newest=$(find "$here" -maxdepth 1 -type f \( -name '*.cs' -o -name '*.csproj' -o -name '*.props' \) -newer "$program" 2>/dev/null | head -1 || true)
if [[ ! -e $program || -n $newest ]]; then
  "$dotnet" build "$here" -c Release -v quiet --nologo >&2
fi
# TorchSharp's library wants the libstdc++ of GCC 13 or newer; where the machine's is older, the program runs in the tree of the other peer.
libstdcxx=$(ldconfig -p | awk '/libstdc\+\+\.so\.6 .*x86-64/ {print $NF; exit}')
if grep -q GLIBCXX_3.4.32 "$libstdcxx"; then
  exec "$dotnet" "$program" "$@"
fi
export TREE_BIND=$here:$(dirname "$dotnet")
exec bash "$here/../debian-tree.sh" "$dotnet" "$program" "$@"
