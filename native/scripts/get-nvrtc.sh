#!/bin/sh
# Puts NVRTC 12.4 (and, with --tools, cuobjdump and nvdisasm) under .tools/nvrtc without root and without a GPU: the packages of
# Debian's trixie suite, component non-free, unpacked and not installed. The mirror is this machine's own. Prints the folder.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
tools="$root/.tools/nvrtc"
packages="libnvrtc12 libnvrtc-builtins12.4"
[ "${1:-}" = "--tools" ] && packages="$packages nvidia-cuda-toolkit"
mkdir -p "$tools/apt/lists/partial" "$tools/apt/cache/archives/partial" "$tools/apt/download" "$tools/root"

missing=
for package in $packages; do [ -e "$tools/root/.have-$package" ] || missing="$missing $package"; done
if [ -z "$missing" ]; then
    echo "$tools/root"
    exit 0
fi

# The first mirror of the machine's own sources, in either of apt's two formats.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -n -e 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' -e 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' |
    grep -v security | head -n 1)
if [ -z "$mirror" ]; then
    echo "get-nvrtc: this machine's apt sources name no Debian mirror; NVRTC cannot be fetched" >&2
    exit 1
fi
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie non-free" >"$tools/apt/sources.list"

# An apt of its own: its lists, cache and sources, nothing of the system's is changed.
apt="-o Dir::Etc::sourcelist=$tools/apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$tools/apt/lists
 -o Dir::Cache=$tools/apt/cache -o APT::Sandbox::User=root"
# shellcheck disable=SC2086
apt-get $apt update >&2
for package in $missing; do
    # shellcheck disable=SC2086
    (cd "$tools/apt/download" && apt-get $apt download "$package" >&2)
    dpkg -x "$tools/apt/download/${package}"_*.deb "$tools/root"
    rm -f "$tools/apt/download/${package}"_*.deb
    touch "$tools/root/.have-$package"
done
echo "$tools/root"
