# shellcheck shell=bash
# Shared by every script of the lab: where things are, how a machine starts and how it dies.
# A "machine" is one process tree in its own net, mnt, uts, ipc, pid and cgroup namespaces:
#   fabric   three switches (mgmt, under, ext) and the cables to everything else
#   central  OVN northbound and southbound databases and ovn-northd
#   h1..hN   the fake hosts

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DEFAULT_LAB=/var/tmp/cloudia-lab
LAB=$(realpath -m "${CLOUDIA_LAB:-$DEFAULT_LAB}")
export CLOUDIA_LAB=$LAB MAX_HOSTS=32
SHARED=$LAB/shared LOCAL=$LAB/local
export SHARED LOCAL

# Labs in different folders may be up together: what has a name on the whole computer (NICs, cgroups) carries this id.
ID=
if [ "$LAB" != "$DEFAULT_LAB" ]; then ID=$(sha1sum <<<"$LAB" | cut -c1-5); fi
MGMT_NIC=cl$ID-mgmt EXT_NIC=cl$ID-ext CGROUP=cloudia-lab$ID # a NIC's name may have 15 characters

# How the lab was started: the three /24s (MGMT, UNDER, EXT: three bytes each) and whether there is OVN (NETWORK).
# On mgmt .1 is the computer, .2 central, .10+N is hN; on ext .1 is the computer.
# shellcheck source=/dev/null
if [ -f "$LAB/lab.conf" ]; then . "$LAB/lab.conf"; fi

die() { echo "lab: $*" >&2; exit 1; }

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f s", b - a }'; }

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
  local tries=$(($1 * 10))
  shift
  until "$@" >/dev/null 2>&1; do
    ((tries-- > 0)) || return 1
    sleep 0.1
  done
}

# --- machines ---------------------------------------------------------------

# The file holds "PID STARTTIME": a pid that the kernel gave to somebody else since has another start time.
machine_pid() {
  local pid start stat
  { read -r pid start <"$LAB/$1/pid"; } 2>/dev/null || return 1
  { read -ra stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
  [ "${stat[21]}" = "$start" ] && [ "${stat[2]}" != Z ] && echo "$pid"
}
alive() { machine_pid "$1" >/dev/null; }
gone() { ! alive "$1"; }
deserted() { [ -z "$(cgroup_pids "$1")" ]; }

hosts() { # hosts known to the lab, running or not, in order
  local d
  for d in "$LAB"/h[0-9]*; do [ -d "$d" ] && basename "$d"; done | sort -V
}

known_machines() {
  [ ! -d "$LAB/central" ] || echo central
  hosts
}
known() {
  known_machines | grep -qx -- "$1" || die "no such host: $1 (have: $(known_machines | xargs))"
}
running() { known "$1"; alive "$1" || die "$1 is down"; }

spawn() { # NAME ROLE: start process 1 of a machine; its cables come after
  mkdir -p "$LAB/$1/log"
  rm -f "$LAB/$1/pid"
  (
    exec 8>&- 9>&- # the locks of `lab` must not live on in the daemons
    join_cgroups "$1"
    exec setsid unshare --net --mount --uts --ipc --pid --cgroup --propagation private --fork \
      "$HERE/machine.sh" "$1" "$2" </dev/null >"$LAB/$1/log/machine.log" 2>&1
  ) &
  wait_for 10 alive "$1" || die "$1 did not start, see $LAB/$1/log/machine.log"
  settle_cgroups "$1"
}

kill_machine() { # as a power loss: nothing inside gets a chance to clean up
  local pid pids tries=100
  # Process 1 takes its whole pid namespace along, and the unshare outside collects it and ends.
  pid=$(machine_pid "$1") && kill -KILL "$pid" 2>/dev/null && wait_for 3 deserted "$1"
  # Something is only left when an earlier run died before it wrote the pid file.
  while pids=$(cgroup_pids "$1") && [ -n "$pids" ]; do
    # shellcheck disable=SC2086  # a list of numbers
    kill -KILL $pids 2>/dev/null
    ((tries-- > 0)) || die "cannot kill $1: processes $(xargs <<<"$pids")"
    sleep 0.05
  done
  wait_for 10 gone "$1" || die "cannot kill $1: process $pid"
  remove_cgroups "$1"
  rm -f "$LAB/$1/pid"
}

# --- cables -----------------------------------------------------------------

in_fabric() { nsenter -t "$(machine_pid fabric)" -n -- "$@"; }

wire() { # MACHINE NIC SWITCH MAC
  local port=$1-$2
  in_fabric ip link del "$port" 2>/dev/null # the old cable of a machine that was just killed
  # A fixed MAC, or the neighbours would talk to the old one for seconds after a restart.
  in_fabric ip link add "$port" type veth peer name "$2" address "$4" netns "$(machine_pid "$1")"
  in_fabric ip link set "$port" master "$3" up
}

wire_root() { # NIC SWITCH ADDRESS: a cable from the computer itself
  ip link show "$1" >/dev/null 2>&1 && return
  in_fabric ip link add "root-$2" type veth peer name "$1" netns $$
  in_fabric ip link set "root-$2" master "$2" up
  ip link set "$1" alias "cloudia-lab $LAB" up
  ip addr add "$3/24" dev "$1"
  # A userspace switch drops what the kernel left without a checksum.
  ethtool -K "$1" tx off >/dev/null 2>&1
}

# --- cgroups ----------------------------------------------------------------
# Each machine is a subtree <mount>/$CGROUP/NAME and sees it as the root of its own cgroup namespace.
# Both versions are handled; all of it is best effort, a computer without cgroups only loses CPU and memory limits.

cgroups() { awk '($3 == "cgroup" && $4 !~ /name=/) || $3 == "cgroup2" { print $2 }' /proc/mounts; }

join_cgroups() { # NAME: puts the calling shell there
  local root dir c
  for root in $(cgroups); do
    mkdir -p "$root/$CGROUP/$1" 2>/dev/null || continue
    for dir in "$root/$CGROUP" "$root/$CGROUP/$1"; do
      if [ -f "$dir/cgroup.clone_children" ]; then # v1: a cpuset takes nobody until it has cpus and memory
        [ -f "$dir/cpuset.cpus" ] || continue
        cat "$dir/../cpuset.cpus" >"$dir/cpuset.cpus"
        cat "$dir/../cpuset.mems" >"$dir/cpuset.mems"
        echo 1 >"$dir/cgroup.clone_children"
      else
        for c in cpu memory io cpuset; do echo "+$c" >"$dir/../cgroup.subtree_control"; done
      fi
    done 2>/dev/null
    dir=$root/$CGROUP/$1
    [ -d "$dir/init" ] && dir=$dir/init
    echo "$BASHPID" >"$dir/cgroup.procs"
  done 2>/dev/null
}

# v2 lets a group either hold processes or hand controllers to its children: move them to a leaf,
# so that libvirtd can make its own groups next to it.
settle_cgroups() {
  local root dir pid pids tries=50
  for root in $(cgroups); do
    dir=$root/$CGROUP/$1
    if [ -f "$dir/cgroup.clone_children" ] || [ ! -f "$dir/cgroup.procs" ]; then continue; fi # v1, or none
    mkdir -p "$dir/init"
    while pids=$(cat "$dir/cgroup.procs") && [ -n "$pids" ] && ((tries-- > 0)); do
      for pid in $pids; do echo "$pid" >"$dir/init/cgroup.procs"; done # again: they fork meanwhile
    done
  done 2>/dev/null
}

cgroup_pids() { # NAME, or nothing for the whole lab
  local root
  for root in $(cgroups); do
    find "$root/$CGROUP/$1" -name cgroup.procs -exec cat {} + 2>/dev/null
  done | sort -un | grep -vx 0
}

remove_cgroups() {
  local root
  for root in $(cgroups); do
    find "$root/$CGROUP/$1" -depth -type d -exec rmdir {} \; 2>/dev/null
  done
}
