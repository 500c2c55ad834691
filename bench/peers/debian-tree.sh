#!/usr/bin/env bash
# Runs a command in a Debian unstable tree with PyTorch, transformers, tokenizers, safetensors and pyarrow, on a Debian machine, without
# touching the host. The tree is made on first use (about 3 minutes, 3 GB).
#   debian-tree.sh COMMAND [ARGS...]    the current folder and those in TREE_BIND (separated by :) are visible inside at the same paths
#   PEER_ROOT=/somewhere ...            another place for the tree (default: hf-peer in the temporary folder)
set -euo pipefail
root=${PEER_ROOT:-${TMPDIR:-/tmp}/hf-peer}
if [[ ! -e $root/.ready ]]; then
  command -v debootstrap >/dev/null || { apt-get update -qq; apt-get install -y -qq debootstrap >/dev/null; }
  mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
  [[ -n $mirror ]] || mirror=$(awk '$1=="deb" {print $2; exit}' /etc/apt/sources.list)
  [[ -e $root/usr/bin/apt-get ]] || debootstrap --variant=minbase --include=ca-certificates sid "$root" "$mirror" >&2
  chroot "$root" bash -euc 'export DEBIAN_FRONTEND=noninteractive
    apt-get -o Acquire::Check-Valid-Until=false update -qq
    apt-get install -y -qq --no-install-recommends python3-torch python3-transformers python3-safetensors python3-tokenizers \
      python3-accelerate python3-numpy python3-pyarrow python3-jinja2 libopenblas0-pthread' >&2
  touch "$root/.ready"
fi
# A folder that was deleted and made again is another one under the same name: what counts is whether both are the same.
bind() {
  mkdir -p "$root$1"
  if [[ $root$1 -ef $1 ]]; then return; fi
  if mountpoint -q "$root$1"; then umount -l "$root$1"; fi
  mount --bind "$1" "$root$1"
}
bind /proc; bind /sys; bind /dev   # /proc is where PyTorch learns that the CPU has AVX2
bind "$PWD"
for path in ${TREE_BIND:+${TREE_BIND//:/ }}; do bind "$(realpath "$path")"; done
exec chroot "$root" env OMP_NUM_THREADS="${OMP_NUM_THREADS:-$(nproc)}" bash -c 'cd "$1"; shift; exec "$@"' _ "$PWD" "$@"
