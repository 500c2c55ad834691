#!/usr/bin/env bash
# Builds, tests and shows btrm. `./build.sh help` lists the verbs; build.ps1 has the same ones.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"
host=src/Host/bin/Release/net10.0

usage() {
  cat <<'TEXT'
usage: ./build.sh [verb]

  (none)           build and leave ./btrm, which runs from any directory
  test [filter]    build and run all tests; a filter goes to the test programs, as in: test -class "*Tokenizer*"
  check            what must hold before a commit: format, build, tests (rules on file lengths and dependencies are among them)
                   with BTRM_SMOLLM2=(folder of SmolLM2-135M-Instruct), BTRM_SMOLLM2_GOLDEN=(of its expected values) and
                   BTRM_QUICKSTART=examples/quickstart also that model's rewards and 20 steps; with BTRM_SMOLLM2_LONG=1 a whole epoch
  format           only the format, as check does
  demo             train on the quickstart's pairs, evaluate before and after; under three minutes on two cores
  bench [options]  measure training on this machine; options go to `btrm bench`
  fuzz [minutes]   damaged files and texts, new seeds every round; 1 minute if not given
  test --planted [FAMILY]
                   plant every mistake of tests/Rm.Kernels.Tests/Planted/bugs.json and see that a test notices it; about eight minutes
  publish          one self-contained file for linux-x64 under out/publish
  publish-check    out/publish/gpu-check: btrm and its tests on one runtime, with which bench/gpu-check.sh tries them on a machine with a GPU
                   and without .NET
  help             this text
TEXT
}

need_sdk() {
  # Where the install script puts it, when nobody added that to PATH.
  if ! command -v dotnet >/dev/null && [ -x "$HOME/.dotnet/dotnet" ]; then PATH="$HOME/.dotnet:$PATH"; fi
  if command -v dotnet >/dev/null && dotnet --version >/dev/null 2>&1; then return; fi
  {
    if command -v dotnet >/dev/null; then
      echo "btrm needs the .NET SDK 10. Found only:"
      dotnet --list-sdks | sed 's/^/  /' || true
    else
      echo "btrm needs the .NET SDK 10, and there is no dotnet on the PATH."
    fi
    cat <<'TEXT'
How to get it:
  Ubuntu    sudo apt install dotnet-sdk-10.0
  Debian    https://learn.microsoft.com/dotnet/core/install/linux-debian, then sudo apt install dotnet-sdk-10.0
  Fedora    sudo dnf install dotnet-sdk-10.0
  macOS     brew install --cask dotnet-sdk
  Windows   winget install Microsoft.DotNet.SDK.10
  anywhere, without root (it goes to ~/.dotnet):
            curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0
TEXT
  } >&2
  exit 2
}

# A solution takes its configuration from the command line, a project from Directory.Build.props: both get Release.
build_options=
# shellcheck disable=SC2086
dotnet_build() { dotnet build "$1" -c Release -v quiet --nologo $build_options; }

build() {
  need_sdk
  dotnet_build src/Host
  leave_launcher
}

# A launcher rather than a copy: the runtime is found beside the dotnet that built it, and a link to it from ~/bin works.
leave_launcher() {
  local runtime
  runtime=$(dirname "$(readlink -f "$(command -v dotnet)")")
  cat >btrm.new <<TEXT
#!/bin/sh
# Written by build.sh; runs the build of this folder.
DOTNET_ROOT="\${DOTNET_ROOT:-$runtime}" exec "\$(dirname "\$(readlink -f "\$0")")/$host/btrm" "\$@"
TEXT
  chmod +x btrm.new
  mv btrm.new btrm
}

passed=0 failed=0 skipped=0 skips=
slurm= kernels=
closing_line() {
  local status=$? job
  for job in $slurm $kernels; do kill "$job" 2>/dev/null && wait "$job" || true; done
  if [ -n "$skips" ]; then printf 'Skipped:\n%s' "$skips"; fi
  # A build that fails or a crash on the way here counts as one failure: the line never looks better than the exit code.
  if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
  echo "$passed passed, $failed failed, $skipped skipped"
  exit "$status"
}

# Runs one xUnit program and adds its summary line to the totals; the time of each test goes into out/test/NAME.xml. No summary, or a bad
# exit without a failed test, is a failure.
run_tests() {
  local program=$1 name log status=0 summary bad left_out
  shift
  name=$(basename "$program" .dll)
  log=out/test/$name.log
  echo "== $name"
  dotnet "$program" "$@" -xml "out/test/$name.xml" $([ -t 1 ] || echo -noColor) 2>&1 | tee "$log" || status=$?
  summary=$(grep -E "$name +Total: [0-9]+" "$log" | tail -n 1 || true)
  if [ -z "$summary" ]; then
    echo "$name ended without a summary (exit code $status); see $log"
    failed=$((failed + 1))
    return
  fi
  # A program without any test prints the total alone.
  count() { sed -nE "s/.*$1: ([0-9]+).*/\1/p" <<<"$summary" | grep . || echo 0; }
  bad=$(($(count Errors) + $(count Failed)))
  # What is "not run" was not asked for: explicit tests, as the planted bugs.
  left_out=$(count Skipped)
  passed=$((passed + $(count Total) - $(count Failed) - left_out - $(count 'Not Run')))
  # The name of each skipped test, the reason from the line below it, and how to run it.
  skips+=$(awk -v run="./build.sh test -method" '/ \[SKIP\]$/ { name = $1; getline why; sub(/^ +/, "", why); sub(/\(.*/, "", name)
    if (!(name in seen)) { seen[name] = 1; print "  " name ": " why "  [" run " " name "]" } }' "$log")
  skips=${skips:+${skips%$'\n'}$'\n'}
  skipped=$((skipped + left_out))
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    echo "$name passed its tests and then failed (exit code $status); see $log"
    bad=1
  fi
  failed=$((failed + bad))
}

run_all_tests() {
  local project program
  mkdir -p out/test
  for project in tests/*.Tests; do
    program=$project/bin/Release/net10.0/$(basename "$project").dll
    if [ $# -eq 0 ] && [ "$project" = tests/Rm.Kernels.Tests ]; then start_slurm; fi
    if [ $# -eq 0 ] && [ "$project" = tests/Rm.Host.Tests ]; then
      # About 100,000 damaged files over all formats. Everything else keeps the tests' own fast counts.
      BTRM_FUZZ_ITERATIONS="${BTRM_FUZZ_ITERATIONS:-8000}" run_tests "$program"
    else
      run_tests "$program" "$@"
    fi
  done
  if [ $((passed + failed + skipped)) -eq 0 ]; then
    echo "No test was run: ${*:-the test programs are empty}"
    failed=1
  fi
}

# Beside the build: packages wait for the network, and the compiler of C# leaves a processor idle at times.
prepare_tests() {
  tests/install-tools.sh
  # shellcheck disable=SC2086
  if emulator_can_be_built; then nice native/build-emulator.sh $emulator_targets >/dev/null 2>&1 || true; fi
}

emulator_targets='btrm_emulator btrm_emulator_driver btrm_emulator_tests'
emulator_can_be_built() { command -v cmake >/dev/null && command -v "${CXX:-c++}" >/dev/null; }

# The emulator runs the CUDA kernels on the CPU. It has tests of its own; the test programs find the library and skip what needs it otherwise.
test_emulator() {
  local log=out/test/emulator.log status=0 summary
  if ! emulator_can_be_built; then
    echo "No CMake or no C++ compiler: the CUDA kernels are not tested on the emulator."
    return
  fi
  echo "== emulator"
  # shellcheck disable=SC2086
  native/build-emulator.sh $emulator_targets >"$log" 2>&1 || { cat "$log"; return 1; }
  out/native/emulator/btrm_emulator_tests >"$log" 2>&1 || status=$?
  summary=$(grep -E '^[0-9]+ tests, [0-9]+ failed$' "$log" | tail -n 1 || true)
  if [ "$status" -ne 0 ]; then grep -v '^ok' "$log" || true; fi
  if [ -z "$summary" ]; then
    echo "The emulator's tests ended without a summary (exit code $status); see $log"
    failed=$((failed + 1))
    return
  fi
  echo "   $summary"
  local ran=${summary%% *} bad=${summary#*, }
  bad=${bad%% *}
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  passed=$((passed + ran - bad))
  failed=$((failed + bad))
}

# Compiles every CUDA kernel for four architectures, without a GPU; fails on spills of hot kernels. NVRTC comes from the machine's own
# package mirror, so this is a step of the check and of CI, not of the plain test command; without it, it counts as skipped. It runs
# beside the tests, which leave a processor idle at times, and gives way to them.
start_kernels() {
  (
    [ -n "${BTRM_NVRTC_LIBRARY:-}" ] || native/scripts/get-nvrtc.sh --tools || exit 77
    exec nice -n 10 native/scripts/nvrtc-check --sass
  ) >out/test/nvrtc.log 2>&1 </dev/null &
  kernels=$!
}

count_kernels() {
  local log=out/test/nvrtc.log status=0
  echo "== kernels (NVRTC)"
  wait "$kernels" || status=$?
  kernels=
  case $status in
    0)
      echo "   $(grep -c '"kernel"' "$log") kernels on four architectures; the table is in bench/results/"
      passed=$((passed + 1))
      ;;
    77)
      tail -n 3 "$log"
      echo "NVRTC cannot be had here: the kernels are not compiled."
      skipped=$((skipped + 1))
      skips+="  kernels compiled for four architectures: no NVRTC  [native/scripts/nvrtc-check]"$'\n'
      ;;
    *) cat "$log"; failed=$((failed + 1)) ;;
  esac
}

# Explicit tests, which no other run includes: an emulator for every mistake, and its tests must fail.
test_planted() {
  trap closing_line EXIT
  need_sdk
  dotnet_build tests/Rm.Kernels.Tests
  mkdir -p out/test
  native/build-emulator.sh >/dev/null 2>&1
  run_tests tests/Rm.Kernels.Tests/bin/Release/net10.0/Rm.Kernels.Tests.dll -class '*PlantedBugTests' -explicit only
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# Sweeps on a real Slurm, started on this machine where it is installed; nothing is installed here. It mostly waits for Slurm, so that it runs
# beside the kernels' tests: started before them, counted after.
start_slurm() {
  BTRM=./btrm tests/slurm/run.sh >out/test/slurm.log 2>&1 </dev/null &
  slurm=$!
}

count_slurm() {
  local log=out/test/slurm.log status=0
  echo "== sweeps on Slurm"
  wait "$slurm" || status=$?
  slurm=
  case $status in
    0) grep -E '^ *[0-9]+s ' "$log" | tail -n 1; passed=$((passed + 1)) ;;
    77)
      tail -n 1 "$log"
      skipped=$((skipped + 1))
      skips+="  sweeps on Slurm: $(tail -n 1 "$log")  [tests/slurm/run.sh]"$'\n'
      ;;
    *) cat "$log"; failed=$((failed + 1)) ;;
  esac
}

test_all() {
  trap closing_line EXIT
  need_sdk
  mkdir -p out/test
  local tools=
  if [ $# -eq 0 ]; then prepare_tests >out/test/tools.log 2>&1 & tools=$!; fi
  dotnet_build Rm.sln
  leave_launcher
  if [ $# -eq 0 ]; then
    wait "$tools" || true
    cat out/test/tools.log
    tests/precompile/run.sh tests/Rm.Host.Tests/bin/Release/net10.0 "$host"
    test_emulator
    if [ "${CI:-}" = true ] || [ "${compile_all_kernels:-}" = true ]; then start_kernels; fi
  fi
  run_all_tests "$@"
  if [ $# -eq 0 ]; then count_slurm; fi
  if [ -n "$kernels" ]; then count_kernels; fi
  [ "$failed" -eq 0 ]
}

# White space alone: the rules on style are analyzers of the build (EnforceCodeStyleInBuild), and a workspace that looks at them once more takes
# five minutes.
check_format() {
  echo "== format"
  dotnet format whitespace --folder . --verify-no-changes --exclude out .tools || { echo "Run: dotnet format whitespace --folder ."; return 1; }
  if command -v clang-format >/dev/null; then
    git ls-files -z -- 'native/*.cu' 'native/*.cuh' 'native/*.cpp' 'native/*.h' | xargs -0 clang-format --dry-run -Werror
  fi
}

check() {
  trap closing_line EXIT
  need_sdk
  # Analyzers run here only, for they double the build time; what is built already must be looked at again.
  export RunAnalyzers=true
  build_options=--no-incremental
  compile_all_kernels=true
  check_format
  test_all
}

demo() {
  build
  ./btrm train --config examples/quickstart/settings.json --output-dir out/demo --overwrite >/dev/null
  echo
  echo "Share of evaluation pairs whose chosen side gets the higher reward, with its 95% interval:"
  sed -nE 's/^\{"step":([0-9]+).*"eval_accuracy":([^,]+),"eval_accuracy_low":([^,]+),"eval_accuracy_high":([^,]+).*/\1 \2 \3 \4/p' \
    out/demo/metrics.jsonl |
    awk '{ printf "  after %3d steps  %.1f%%  (%.1f%% to %.1f%%)\n", $1, 100 * $2, 100 * $3, 100 * $4 }'
  cat examples/quickstart/after.txt
  echo "Next:"
  echo "  ./btrm score --adapter out/demo/best --input examples/quickstart/eval.jsonl --output out/demo/scores.jsonl"
}

fuzz() {
  local minutes=${1:-1} end seed=1 iterations=1000
  case $minutes in *[!0-9]* | '') echo "fuzz: minutes must be a whole number, not '$minutes'" >&2; exit 2 ;; esac
  trap closing_line EXIT
  need_sdk
  dotnet_build Rm.sln
  end=$((SECONDS + 60 * minutes))
  while [ "$failed" -eq 0 ] && [ "$SECONDS" -lt "$end" ]; do
    echo "== seeds from $seed"
    BTRM_FUZZ_SEED=$seed BTRM_FUZZ_ITERATIONS=$iterations run_all_tests -class '*FuzzTests'
    seed=$((seed + iterations))
  done
  [ "$failed" -eq 0 ]
}

target=linux-x64

# Compiles the kernels that a release carries into out/native/images. What was compiled before comes from a cache beside them.
images=out/native/images
build_images() {
  local library=${BTRM_NVRTC_LIBRARY:-} tools
  if [ -z "$library" ] && tools=$(native/scripts/get-nvrtc.sh 2>/dev/null); then library=$(echo "$tools"/usr/lib/*/libnvrtc.so.12); fi
  dotnet_build src/Kernels.Images
  if ! BTRM_NVRTC_LIBRARY=$library dotnet src/Kernels.Images/bin/Release/net10.0/Rm.Kernels.Images.dll "$images"; then
    echo "publish: without NVRTC the release carries no machine code, and a node with nothing but the driver cannot run it." >&2
    echo "Set BTRM_NVRTC_LIBRARY to libnvrtc.so.12 or .13 of a CUDA toolkit." >&2
    return 1
  fi
}

# Puts a project's self-contained build into a folder. A lock file of its own: the runtime's packages are no concern of ordinary builds.
publish_project() {
  local project=$1 folder=$2
  shift 2
  dotnet publish "$project" -c Release -r "$target" --self-contained -o "$folder" -v quiet --nologo \
    -p:PublishTrimmed=true -p:KernelImages="$PWD/$images" -p:NuGetLockFilePath=obj/publish.lock.json -p:RestoreLockedMode=false "$@"
  rm -f "$folder"/*.pdb "$folder"/*.xml
}

publish() {
  need_sdk
  local folder=out/publish bytes
  rm -rf "${folder:?}/$target"
  build_images
  # Compiled ahead of time: it starts in a quarter of the time, and the first steps do not wait for the compiler.
  publish_project src/Host "$folder/$target" -p:PublishSingleFile=true -p:PublishReadyToRun=true
  cp LICENSE THIRD-PARTY-NOTICES.md README.md "$folder/$target"
  (cd "$folder/$target" && tar -cf - ./* | gzip -9 >"../btrm-$target.tar.gz")
  "$folder/$target/btrm" --version
  if [ -f out/native/emulator/libbtrm_emulator_driver.so ]; then tests/publish/run.sh "$folder/$target/btrm" out/native/emulator; fi
  ls -l "$folder/$target/btrm" "$folder/btrm-$target.tar.gz" | awk '{ printf "%8.1f MB  %s\n", $5 / 1e6, $NF }'
  bytes=$(stat -c %s "$folder/btrm-$target.tar.gz")
  [ "$bytes" -le 30000000 ] || { echo "publish: the release is larger than 30 MB" >&2; return 1; }
}

# The tests find their classes by reflection, so of their folder only the framework is trimmed, and xUnit wants its assembly as a file. One
# folder and one runtime for four programs: the first refers to the others (see its project), and these need a host and its settings beside it.
publish_tests() {
  local folder=$1 project name
  publish_project tests/Rm.Host.Tests "$folder" -p:SelfContainedTests=true -p:TrimMode=partial -p:SuppressTrimAnalysisWarnings=true
  for project in tests/Rm.Kernels.Tests bench/Rm.Bench src/Host; do
    name=$(basename "$project")
    [ "$name" != Host ] || name=btrm
    dotnet build "$project" -c Release -r "$target" --self-contained -v quiet --nologo -o "$folder.$name" \
      -p:SelfContainedTests=true -p:KernelImages="$PWD/$images" -p:NuGetLockFilePath=obj/publish.lock.json -p:RestoreLockedMode=false
    cp "$folder.$name/$name" "$folder.$name/$name.runtimeconfig.json" "$folder"
    rm -rf "$folder.$name" "$folder/$name.deps.json"
  done
  # What debuggers and tracers load, and collectors that nobody chose.
  rm -f "$folder"/{createdump,libmscordaccore.so,libmscordbi.so,libcoreclrtraceptprovider.so,libclrgc.so,libclrgcexp.so}
}

# Programs alone: golden files, models, rows and scripts come from the tree, which goes to such a machine too. btrm there is the published
# file's code and kernels, on the tests' runtime: with a runtime of its own it would take twice the place.
publish_check() {
  local folder=out/publish/gpu-check archive=out/publish/gpu-check.tar.xz bytes tracked
  need_sdk
  build_images
  rm -rf "$folder"
  mkdir -p "$folder"
  publish_tests "$folder/tests"
  ln -s tests/btrm "$folder/btrm"
  cp LICENSE "$folder"
  git rev-parse --short HEAD >"$folder/commit.txt" 2>/dev/null || echo unknown >"$folder/commit.txt"
  tar -C out/publish -cf - gpu-check | xz -T0 -9 >"$archive"
  bytes=$(stat -c %s "$archive")
  tracked=$({ git ls-files -z 2>/dev/null || true; } | xargs -0 -r cat | wc -c)
  awk -v archive="$bytes" -v tree="$tracked" 'BEGIN { printf "%8.1f MB  gpu-check.tar.xz\n%8.1f MB  the tracked tree\n", archive / 1e6, tree / 1e6 }'
  [ "$bytes" -le 22000000 ] || { echo "publish-check: the archive is larger than 22 MB" >&2; return 1; }
  [ $((bytes + tracked)) -le 62000000 ] || { echo "publish-check: archive and tree together are larger than 62 MB" >&2; return 1; }
}

verb=${1:-build}
[ $# -eq 0 ] || shift
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# A build server trusts the lock files, which a developer's restore may update, and has no use for a build without analyzers.
[ "${CI:-}" != true ] || export RestoreLockedMode=true RunAnalyzers=true
case $verb in
  build) build && echo "Built. Try: ./btrm --help" ;;
  test) if [ "${1:-}" = --planted ]; then BTRM_PLANTED=${2:-} test_planted; else test_all "$@"; fi ;;
  check) check ;;
  format) need_sdk && check_format ;;
  demo) demo ;;
  bench) build && exec ./btrm bench "$@" ;;
  fuzz) fuzz "$@" ;;
  publish) publish ;;
  publish-check) publish_check ;;
  help | -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
