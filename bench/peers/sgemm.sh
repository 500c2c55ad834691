#!/bin/sh
# Compares our float32 matrix product with OpenBLAS's sgemm, call by call in turns (A B A B ...), so that both see the same load.
# Needs a C compiler, libopenblas-dev and a built bench/Rm.Bench. Prints a table; appends a JSON line per row to bench/results/.
#   bench/peers/sgemm.sh [THREADS] [ROUNDS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
threads=${1:-$(nproc)}
rounds=${2:-25}
bench="$here/../Rm.Bench/bin/Release/net10.0/Rm.Bench.dll"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O2 -o "$work/sgemm" "$here/sgemm.c" -lopenblas
OPENBLAS_NUM_THREADS=$threads dotnet "$bench" gemm-compare --threads "$threads" --rounds "$rounds" \
    --peer "$work/sgemm" --results "$here/../results/cpu-gemm.jsonl"
