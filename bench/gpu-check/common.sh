# What the steps share: notes for the table, rows for the file, and the settings that differ between a GPU and the emulator.
# shellcheck shell=bash

not_here=77 # exit code of a step whose tool or device is not on this machine

# note TEXT: what the table says of this step. lacks TEXT: the same, and the step is skipped.
note() { printf '%s' "$1" >"$work/note"; }
add_note() { local said=''; [ ! -f "$work/note" ] || said="$(<"$work/note"); "; note "$said$1"; }
lacks() { note "$1"; exit "$not_here"; }

json_text() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\t'/ }
  printf '"%s"' "${text//$'\n'/ }"
}

elapsed() { # seconds since a value of EPOCHREALTIME, with one decimal
  local since=$((${EPOCHREALTIME/./} - ${1/./}))
  printf '%d.%d' $((since / 1000000)) $((since / 100000 % 10))
}

# What every row begins with; step_machine finds it out.
facts() { if [ -f "$work/facts" ]; then cat "$work/facts"; else printf '"device":"%s"' "$device"; fi; }

# row STEP MEMBERS: appends one JSON object. MEMBERS are "name":value pairs.
row() { printf '{"date":"%s",%s,"step":"%s",%s}\n' "$(date -u +%Y-%m-%dT%H:%MZ)" "$(facts)" "$1" "$2" >>"$out/rows.jsonl"; }

# members '{"a":1}' gives "a":1
members() { local text=${1#\{}; printf '%s' "${text%\}}"; }

# field NAME JSON: the number or text of a flat JSON object's member.
field() { sed -nE "s/.*\"$1\": ?\"?([^,\"}]*).*/\1/p" <<<"$2" | head -n 1; }

emulated() { [ "$device" = emulated ]; }

btrm() { "$programs/btrm" "$@"; }

# Compute capability of the GPU, 9.0; step_machine finds it out.
capability() { cat "$work/capability" 2>/dev/null || echo unknown; }

# Sets `selection`: tests that this device can run. What the emulator alone can do is left out on a GPU, wgmma where there is none.
select_tests() {
  export BTRM_TEST_REPOSITORY=$tree
  selection=()
  if ! emulated; then
    export BTRM_TEST_DEVICE=cuda
    selection+=(-trait- needs=emulator)
  fi
  [ "$(capability)" = 9.0 ] || selection+=(-trait- needs=hopper)
}

# run_tests PROGRAM ARGUMENTS...: an xUnit program on the chosen device; its figures are added to the note.
run_tests() {
  local program=$programs/tests/$1 code=0 summary elsewhere
  local -a selection
  shift
  select_tests
  "$program" "$@" "${selection[@]}" -noColor >"$work/tests.txt" 2>&1 || code=$?
  cat "$work/tests.txt"
  summary=$(grep -oE 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+' "$work/tests.txt" | tail -n 1)
  add_note "${summary:-ended without a summary (exit code $code)}"
  # A skipped test on a device that is there is a test that did not run, unless its kernels are another architecture's.
  elsewhere=$(grep -A 1 '\[SKIP\]$' "$work/tests.txt" | grep -cE '^ +The [a-z]+ products need a GPU of compute capability') || true
  [ "$code" -eq 0 ] && [ -n "$summary" ] && [[ $summary != 'Total: 0'* ]] && [[ $summary == *"Skipped: $elsewhere" ]] &&
    [[ $summary != "Total: $elsewhere,"* ]]
}

# run_cases CLASS: a class of conformance cases. A fault spoils the process it happens in, so the next one goes on with the cases that have
# no result yet; every result so far is in a ledger, also when the step runs out of time.
run_cases() {
  local ledger=$work/ledger-$1 code rounds=0 before
  local -a selection
  select_tests
  touch "$ledger"
  while :; do
    before=$(grep -c '^start' "$ledger") code=0
    BTRM_TEST_LEDGER=$ledger "$programs/tests/Rm.Kernels.Tests" -class "*$1" "${selection[@]}" -noColor || code=$?
    note_cases "$ledger"
    # 86 and signals end a process early. One that started no case would do so for ever.
    if [ "$code" -ne 86 ] && [ "$code" -lt 128 ]; then break; fi
    [ "$(grep -c '^start' "$ledger")" -gt "$before" ] && [ $((rounds += 1)) -lt 20 ] || break
  done
  [ "$(count_of pass "$ledger")" -gt 0 ] && [ "$(count_of pass "$ledger")" -eq "$(count_of start "$ledger")" ]
}

count_of() { grep -c "^$1" "$2"; }

note_cases() { # the figures of a ledger, and the first cases that did not pass
  local bad
  bad=$(awk -F '\t' '{ if ($1 == "start") open[$2] = 1; else delete open[$2] } $1 == "fail" || $1 == "fault" { print $1 ": " $2 }
    END { for (name in open) print "ended the process: " name }' "$1" | head -n 5 | paste -sd ';')
  note "$(count_of pass "$1") of $(count_of start "$1") cases passed, $(count_of fail "$1") failed, $(count_of fault "$1") faulted${bad:+: $bad}"
}

# Rows of token ids with lengths as in SHP: prompts of 64 to 512 tokens, responses of 32 to 512. The same ones on every machine.
write_pairs() { # FILE PAIRS VOCABULARY LONGEST
  local pair length
  RANDOM=7 # the same sequence every time; a local one would be an ordinary variable
  ids() { # appends LENGTH ids to text
    local i
    for ((i = 0; i < $1; i++)); do text+=,$((3 + (RANDOM * 32768 + RANDOM) % (vocabulary - 3))); done
  }
  local vocabulary=$3 text prompt chosen
  for ((pair = 0; pair < $2; pair++)); do
    text='' length=$((64 + RANDOM % ($4 / 2 - 63)))
    ids "$length"
    prompt=$text
    ids $((32 + RANDOM % ($4 / 2 - 31)))
    chosen=$text text=$prompt
    ids $((32 + RANDOM % ($4 / 2 - 31)))
    printf '{"chosen_ids":[%s],"rejected_ids":[%s]}\n' "${chosen#,}" "${text#,}"
  done >"$1"
}

# The benchmark's job, for btrm and for the peer: shape, pairs of a step, pairs in the file, vocabulary, longest sequence.
if emulated; then
  shape=tiny batch=1 pairs=2 vocabulary=4096 longest=160 timed=1
else
  shape=qwen2.5-3b batch=16 pairs=64 vocabulary=151936 longest=1024 timed=3
fi
