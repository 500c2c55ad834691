#!/bin/sh
# Takes a version of the chart library from npm and prints the checksums for THIRD-PARTY-NOTICES.md. Usage: update-uplot.sh 1.6.32
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm pack --silent "uplot@$1" >/dev/null
tar xzf "uplot-$1.tgz"
cp package/dist/uPlot.iife.min.js package/dist/uPlot.min.css package/LICENSE "$here/assets/uplot/"
cd "$here/assets/uplot"
sha256sum uPlot.iife.min.js uPlot.min.css LICENSE
