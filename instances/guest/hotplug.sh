# Runs in guests at every boot, by cloud-init's bootcmd: has vCPUs and memory that are plugged in used, as neither
# Debian's kernel nor its udev do; memory plugged in before this boot, too. Nothing of it is kept in the guest.
# usage: sh -c "$(cat hotplug.sh)" cloudia-hotplug
set -u
command -v udevadm >/dev/null || exit 0
rules=/run/udev/rules.d
mkdir -p "$rules"
cat >"$rules/80-cloudia-hotplug.rules" <<'RULES'
SUBSYSTEM=="cpu", ACTION=="add", ATTR{online}=="0", ATTR{online}="1"
SUBSYSTEM=="memory", ACTION=="add", ATTR{state}=="offline", ATTR{state}="online"
RULES
udevadm control --reload
udevadm trigger --action=add --subsystem-match=cpu --subsystem-match=memory
