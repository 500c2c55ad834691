#!/bin/sh
# Installs what some tests need beside the .NET SDK, so that they are not skipped: a browser, Slurm, a C++ compiler and CMake (Debian's packages, as root),
# and NVRTC, unpacked into an ignored folder without root. Says what it does; what cannot be had is left out, and those tests are skipped by name.
# BTRM_NO_INSTALL=1 installs nothing.
set -eu
cd "$(dirname "$0")/.."

if [ "${BTRM_NO_INSTALL:-}" = 1 ]; then exit 0; fi
mkdir -p out/test

packages=
have() { command -v "$1" >/dev/null 2>&1; }
have c++ || packages="$packages g++"
have cmake || packages="$packages cmake"
have chromium || have chromium-browser || have google-chrome || [ -n "${BTRM_CHROMIUM:-}" ] || packages="$packages chromium"
have slurmctld || packages="$packages slurm-wlm"
have munged || packages="$packages munge"

if [ -n "$packages" ]; then
    if have apt-get && [ "$(id -u)" -eq 0 ]; then
        echo "Installing for the tests:$packages (BTRM_NO_INSTALL=1 leaves them out)"
        export DEBIAN_FRONTEND=noninteractive
        # No service is started: the tests start what they need themselves.
        # shellcheck disable=SC2086
        { apt-get update && RUNLEVEL=1 apt-get install -y --no-install-recommends $packages; } >out/test/install.log 2>&1 ||
            echo "Not all of them could be installed; see out/test/install.log"
    else
        echo "Tests that need these Debian packages will be skipped:$packages"
    fi
fi

if [ -z "${BTRM_NVRTC_LIBRARY:-}" ] && have dpkg && [ ! -e .tools/nvrtc/root/.have-libnvrtc12 ]; then
    echo "Fetching NVRTC into .tools/nvrtc"
    native/scripts/get-nvrtc.sh >out/test/nvrtc-fetch.log 2>&1 || echo "It cannot be had here; see out/test/nvrtc-fetch.log"
fi
