# Runs in guests at every boot, by cloud-init's bootcmd: keeps our block of /etc/fstab and mounts what is in it.
# usage: sh -c "$(cat mounts.sh)" cloudia-mounts BLOCK, where BLOCK has a line of fstab(5) for each file system. Whatever
# is outside of the block belongs to the guest's owner; folders that were mounted on stay when their line goes.
set -u
set -f
fstab=/etc/fstab begin='# CloudiA: file systems, kept up to date at every boot' end='# CloudiA: end'
block=$1

lines() { # yes|no: what is in the block, or what is not
  awk -v begin="$begin" -v end="$end" -v wanted="$1" '
    $0 == begin { inside = 1; next }
    $0 == end { inside = 0; next }
    (wanted == "yes") == (inside == 1)' "$fstab"
}

unit() { systemd-escape --path --suffix=mount "$1"; }

unmount() {
  if command -v systemctl >/dev/null; then systemctl stop "$(unit "$1")" 2>/dev/null; fi
  while umount -l "$1" 2>/dev/null; do :; done
}

mount_soon() { # a server that does not answer must not hold up the boot
  mkdir -p "$1"
  if command -v systemctl >/dev/null; then systemctl start --no-block "$(unit "$1")"; else mount "$1" & fi
}

each_path() { # COMMAND: for the mount path of each line that comes in
  while read -r _ path _; do
    [ -z "$path" ] || "$1" "$path"
  done
}

without() { grep -vxF -e "$1" || true; } # the lines that come in, as far as they are not among those given

[ -e "$fstab" ] || : >"$fstab"
before=$(lines yes)
if [ "$before" != "$block" ]; then
  printf '%s\n' "$before" | without "$block" | each_path unmount
  cp -a "$fstab" "$fstab.cloudia"
  {
    lines no
    [ -z "$block" ] || printf '%s\n' "$begin" "$block" "$end"
  } >"$fstab.cloudia"
  mv "$fstab.cloudia" "$fstab"
  if command -v systemctl >/dev/null; then systemctl daemon-reload; fi
fi
printf '%s\n' "$block" | each_path mount_soon
