#!/usr/bin/env bash
# Sweeps on a real Slurm: controller and daemon on this machine, in a scratch folder, started and ended here. Twelve short runs as a job array, three of
# them disturbed: a task killed, a training process killed, a task told to stop as before a time limit. All twelve must end complete, the disturbed ones
# with the bits of a run that nothing disturbed. Then a task that scancel ends must stay away, and a run that a time limit cuts must go on.
# Needs root and Debian's packages slurm-wlm and munge; exits with 77 (skipped) without them. BTRM: words that start btrm, ./btrm if not given.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/slurm/cluster.sh
read -ra btrm <<<"${BTRM:-./btrm}"

missing=$(missing_tools)
if [ -n "$missing" ] || [ "$(id -u)" -ne 0 ]; then
  echo "skipped: the Slurm test needs root and Debian's slurm-wlm and munge; missing: ${missing:-root}"
  exit 77
fi

scratch=$(mktemp -d /tmp/btrm-slurm.XXXXXX)
finish() {
  local code=$?
  stop_cluster
  if [ "$code" -eq 0 ]; then rm -rf "$scratch"; else echo "Left for a look: $scratch" >&2; fi
}
trap finish EXIT
trap 'exit 1' INT TERM

fail() { echo "FAILED: $*" >&2; exit 1; }
say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }
expect() { [ "$1" = "$2" ] || fail "$3: expected '$1', found '$2'"; }

# Runs a command that must end with the given code; its output goes to $scratch/output.
runs_with() {
  local expected=$1 code=0
  shift
  "$@" >"$scratch/output" 2>&1 || code=$?
  [ "$code" -eq "$expected" ] || { cat "$scratch/output" >&2; fail "exit $code instead of $expected: $*"; }
}

sweep() { "${btrm[@]}" sweep "$file" --output-dir "$out" "$@"; }
status_of() { sed -n "s/^{\"name\":\"$1\",\"status\":\"\([a-z]*\)\".*/\1/p" "$out/results.jsonl"; }
steps_of() { if [ -f "$out/$1/metrics.jsonl" ]; then grep -c '"loss"' "$out/$1/metrics.jsonl" || true; else echo 0; fi; }

wait_for() {
  local seconds=$1 what=$2 end=$((SECONDS + $1))
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || { squeue -r >&2; fail "not within $seconds s: $what"; }
    sleep 0.3
  done
}

# scancel tells the task and then asks again, for as long as the task changes its state under it: what counts is what the task does.
tell() { timeout 5 scancel "$@" 2>>"$scratch/scancel" || true; }

has_steps() { [ "$(steps_of "$1")" -ge "$2" ]; }

# A requeued task waits two minutes, for a node that is ill to recover; here some seconds do (at once, Slurm refuses it: credential revoked). Between its end and its return squeue may not show it at
# all, so the queue counts as empty when five looks in a row find nothing.
queue_is_empty() {
  local task look
  for look in 1 2 3 4 5; do
    for task in $(squeue -h -r -t PENDING -o '%i %r' | sed -n 's/ BeginTime$//p'); do sleep 4; scontrol update "JobId=$task" StartTime=now || true; done
    [ -z "$(squeue -h -r)" ] || return 1
    sleep 1
  done
}

# The training process of a run, by the folder on its command line.
process_of() {
  local entry
  for entry in /proc/[0-9]*; do
    if tr '\0' '\n' <"$entry/cmdline" 2>/dev/null | grep -qx -- "--output-dir=$out/$1"; then basename "$entry"; return; fi
  done
}

# The shell of the batch script that a process was started by.
batch_shell_of() {
  local process=$1
  until grep -qs slurm_script "/proc/$process/cmdline"; do
    process=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$process/status")
    [ "${process:-0}" -gt 1 ] || fail "process $1 was not started by a batch script"
  done
  echo "$process"
}

# What a run computed, without times, paths and memory.
figures() {
  cat "$1/metrics.jsonl" "$1/result.json" | sed -E 's/"(tokens_per_second|elapsed_seconds)":[^,}]*[,}]//g' |
    grep -vE '"(tokens_per_second|elapsed_seconds|peak_memory_gib|best|final)":'
}

same_bits() {
  local file
  for file in final/adapter_model.safetensors best/adapter_model.safetensors; do
    cmp "$1/$file" "$2/$file" || fail "$file of $(basename "$2") differs from that of an undisturbed run"
  done
  figures "$1" >"$scratch/expected"
  figures "$2" >"$scratch/found"
  diff "$scratch/expected" "$scratch/found" >&2 || fail "figures of $(basename "$2") differ from those of an undisturbed run"
}

say "starting Slurm $(slurmctld -V | cut -d' ' -f2)"
start_cluster "$scratch/cluster"
file=tests/slurm/sweep.json
out=$scratch/array
sweep --dry-run 2>/dev/null | sed -E 's|.*--output-dir=[^ ]*/([^ /]*) .*|\1|' >"$scratch/names"
mapfile -t names <"$scratch/names"
expect 12 "${#names[@]}" "runs of the sweep"
killed=${names[0]} requeued=${names[1]} crashed=${names[2]}

say "twelve runs as a job array, three at a time"
runs_with 0 sweep --slurm --jobs 3 --time 00:10:00 --signal-seconds 60
job=$(tail -n 1 "$scratch/output")
wait_for 120 "three steps of $killed" has_steps "$killed" 3
say "killing the task of $killed at step $(steps_of "$killed")"
# Shell first, so that nobody is left to write an exit code, as when a node is lost: scancel only asks, so the process is killed once the shell is gone.
# What the shell started is Slurm's to kill where it has cgroups.
orphan=$(process_of "$killed")
shell=$(batch_shell_of "$orphan")
shell_is_gone() { tell --signal=KILL --batch "${job}_0"; sleep 0.5; ! kill -0 "$shell" 2>/dev/null; }
wait_for 60 "the end of the shell of $killed" shell_is_gone
kill -KILL "$orphan"
wait_for 120 "three steps of $requeued" has_steps "$requeued" 3
say "telling $requeued at step $(steps_of "$requeued") to stop, as before a time limit"
tell --signal=USR1 --batch "${job}_1"
wait_for 120 "three steps of $crashed" has_steps "$crashed" 3
say "killing the training process of $crashed at step $(steps_of "$crashed")"
kill -KILL "$(process_of "$crashed")"
runs_with 1 sweep --collect
wait_for 60 "the requeue of $requeued" grep -qs '^75$' "$out/$requeued/exit-code"
restarts() { scontrol show job "${job}_1" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p'; }
was_requeued() { [ "$(restarts)" -ge 1 ]; }
wait_for 60 "a restart of ${job}_1" was_requeued
wait_for 400 "the end of the array" queue_is_empty
expect 1 "$(restarts)" "restarts of ${job}_1"

runs_with 1 sweep --collect
cat "$scratch/output"
expect failed "$(status_of "$killed")" "status of the killed task's run"
expect failed "$(status_of "$crashed")" "status of the killed process's run"
grep -q "$killed: failed: its Slurm task ended without leaving an exit code" "$scratch/output" || fail "why $killed failed is not said"
grep -q "$crashed: failed: exit code 137" "$scratch/output" || fail "why $crashed failed is not said"
expect finished "$(status_of "$requeued")" "status of the requeued run"
expect 10 "$(grep -c '"status":"finished"' "$out/results.jsonl")" "finished runs"
grep -q "Resuming from" "$out/$requeued/log.txt" || fail "$requeued did not go on from a checkpoint"

say "the same command again: the two killed runs alone"
runs_with 0 sweep --slurm --time 00:10:00 --signal-seconds 60
grep -q "Submitted 2 of 12 runs" "$scratch/output" || fail "the second submission: $(cat "$scratch/output")"
wait_for 200 "the end of the killed runs" queue_is_empty
runs_with 0 sweep --collect
expect 12 "$(grep -c '"status":"finished"' "$out/results.jsonl")" "finished runs"
runs_with 0 sweep --slurm
grep -q "nothing to submit" "$scratch/output" || fail "a third submission: $(cat "$scratch/output")"
say "12 of 12 complete"

array=$out out=$scratch/here
runs_with 0 sweep --only "$killed,$requeued,$crashed"
for name in "$killed" "$requeued" "$crashed"; do same_bits "$scratch/here/$name" "$array/$name"; done
say "the three disturbed runs have the bits of undisturbed ones"

out=$scratch/cancelled
runs_with 0 sweep --slurm --only "$killed"
job=$(tail -n 1 "$scratch/output")
wait_for 120 "two steps" has_steps "$killed" 2
scancel "$job"
wait_for 60 "the end of the cancelled task" queue_is_empty
sleep 3
expect "" "$(squeue -h -r)" "the queue after scancel"
runs_with 1 sweep --collect --only "$killed"
grep -qE "stopped|failed" <<<"$(status_of "$killed")" || fail "a cancelled run is $(status_of "$killed")"
say "a task that scancel ended stays away ($(status_of "$killed"))"

file=tests/slurm/long.json out=$scratch/long
runs_with 0 sweep --slurm --time 1 --signal-seconds 45
wait_for 500 "the end of the long run" queue_is_empty
runs_with 0 sweep --collect
pieces=$(grep -c '^Resuming from' "$out/long/log.txt" || true)
[ "$pieces" -ge 1 ] || fail "the time limit did not cut the long run"
say "a run cut by its time limit went on $pieces times and is complete"
echo "passed"
