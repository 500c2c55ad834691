# Sourced by run.sh: a Slurm of one machine in a scratch folder. Controller, daemon and munge are processes of this script's own, on ports of their
# own, and end with it; the machine's Slurm, if it has one, is not touched.
# shellcheck shell=bash

slurm_tools=(slurmctld slurmd munged mungekey sbatch squeue scontrol scancel sinfo)
daemons=()
own_conf=

# Names what is missing, or nothing.
missing_tools() {
  local tool
  for tool in "${slurm_tools[@]}"; do command -v "$tool" >/dev/null || printf '%s ' "$tool"; done
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

start_cluster() {
  local folder=$1 name
  name=$(hostname -s)
  mkdir -p "$folder/munge" "$folder/state" "$folder/spool" "$folder/log"
  chmod 700 "$folder/munge"
  # munge's socket must be reachable by others, for which every folder above it is: a folder of its own, short because of the limit on socket names.
  chmod 755 "$folder"
  mungekey --create --keyfile="$folder/munge/key"
  munged --foreground --force --num-threads=2 --key-file="$folder/munge/key" --socket="$folder/munge.socket" --pid-file="$folder/munge/pid" \
    --log-file="$folder/log/munged" --seed-file="$folder/munge/seed" >"$folder/log/munged.out" 2>&1 &
  daemons+=($!)
  cat >"$folder/slurm.conf" <<CONF
ClusterName=btrm
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld
SlurmdLogFile=$folder/log/slurmd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
KillWait=5
MinJobAge=300
InactiveLimit=0
JobRequeue=1
NodeName=$name NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  own_conf=$folder/slurm.conf
  export SLURM_CONF=$own_conf
  slurmctld -D >"$folder/log/slurmctld.out" 2>&1 &
  daemons+=($!)
  slurmd -D -N "$name" >"$folder/log/slurmd.out" 2>&1 &
  daemons+=($!)
  local i
  for ((i = 0; i < 60; i++)); do
    [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && return 0
    sleep 1
  done
  echo "Slurm did not come up; its logs:" >&2
  tail -n 20 "$folder"/log/* >&2
  return 1
}

stop_cluster() {
  local pid i
  # Never a job of a Slurm that is not ours.
  if [ -n "$own_conf" ]; then SLURM_CONF=$own_conf timeout 20 scancel --user=root >/dev/null 2>&1 || true; fi
  [ ${#daemons[@]} -eq 0 ] || sleep 2
  # Newest first: the daemons say goodbye through munge.
  for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
    pid=${daemons[i]}
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  daemons=()
}
