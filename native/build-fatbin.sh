#!/bin/sh
# Compiles all kernels with nvcc into one fatbin, out/native/kernels.fatbin, and prints its path; says so and does nothing without nvcc.
# The table of registers and spills, in the form of scripts/nvrtc-check, goes to out/native/nvcc-table.jsonl.
# NVCC names the compiler, NVCC_FLAGS adds options.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out="$root/out/native"
nvcc=${NVCC:-$(command -v nvcc || echo "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc")}
if [ ! -x "$nvcc" ]; then
    echo "build-fatbin: no nvcc on PATH, in CUDA_HOME or in NVCC; kernels will be compiled by NVRTC at first use" >&2
    exit 0
fi
mkdir -p "$out/fatbin"

# One translation unit, so that one fatbin holds everything without relocatable code, which costs registers: the common headers
# first, then each kernel file in a namespace of its own (kernels are extern "C" and keep their names).
unit="$out/fatbin/kernels.cu"
{
    for header in "$root"/native/cuda/common/*.cuh; do echo "#include \"common/$(basename "$header")\""; done
    for kernel in "$root"/native/cuda/*.cu; do
        echo "namespace file_$(basename "$kernel" .cu) {"
        echo "#include \"$(basename "$kernel")\""
        echo "}"
    done
} >"$unit"

codes=
for architecture in 80 86 89 90a 100a; do
    if "$nvcc" --list-gpu-arch | grep -q "compute_${architecture%a}\$"; then
        codes="$codes -gencode arch=compute_$architecture,code=sm_$architecture"
    fi
done
# PTX of the oldest, for GPUs that are newer than this compiler.
codes="$codes -gencode arch=compute_80,code=compute_80"
# shellcheck disable=SC2086
"$nvcc" --std=c++17 -lineinfo -Xptxas -v -I "$root/native/cuda" $codes ${NVCC_FLAGS:-} -fatbin -o "$out/kernels.fatbin.new" "$unit" \
    >"$out/fatbin/log.txt" 2>&1 || { cat "$out/fatbin/log.txt" >&2; exit 1; }
mv "$out/kernels.fatbin.new" "$out/kernels.fatbin"

check="$out/nvrtc/nvrtc_check"
mkdir -p "$out/nvrtc"
"${CXX:-c++}" -std=c++20 -O1 "$root/native/scripts/nvrtc_check.cpp" -o "$check" -ldl
"$check" --log "$out/fatbin/log.txt" "$root/native/cuda/hot-kernels.txt" >"$out/nvcc-table.jsonl"
echo "$out/kernels.fatbin"
