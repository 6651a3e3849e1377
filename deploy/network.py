"""Open vSwitch and OVN: running, open to the user cloudia, and this machine one of OVN's chassis.

Like libvirt's, the daemons outlive CloudiA. What an operator has set is left as it is.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from deploy import external
from deploy.commands import run, vsctl
from deploy.config import USER, Config
from deploy.daemons import UMASK, Part, becomes, start
from deploy.errors import StartError
from deploy.init import has_systemd

RUN, UNITS = Path("/run/ovn"), Path("/etc/systemd/system")
DATABASES = (RUN / "ovnnb_db.sock", RUN / "ovnsb_db.sock")
SYSTEM_ID = Path("/etc/openvswitch/system-id.conf")  # what ovs-ctl --system-id=random, and so systemd's unit, reads
OVS_CTL = "/usr/share/openvswitch/scripts/ovs-ctl"
OVN_CTL = "/usr/share/ovn/scripts/ovn-ctl"
MAPPING = f"{external.NETWORK}:{external.BRIDGE}"  # OVN's name of the physical network, and where it is
OPEN_FOLDER = ("setfacl", "--default", "--modify", f"user:{USER}:rwx", str(RUN))
DROP_IN = f"""\
# Written by CloudiA, so that its user may use the databases of OVN.
[Service]
UMask={UMASK:04o}
ExecStartPre=/usr/bin/install --directory {RUN}
ExecStartPre=/usr/bin/{" ".join(OPEN_FOLDER)}
"""

SWITCH_DATABASE = Part(
    "openvswitch-switch",
    ("ovsdb-server",),
    (OVS_CTL, "--system-id=random", "--no-record-hostname", "--no-ovs-vswitchd", "start"),
    {Path("/run/openvswitch/ovsdb-server.pid"): "ovsdb-server"},
    "/var/log/openvswitch",
)
SWITCH = Part(
    "openvswitch-switch",
    ("ovs-vswitchd",),
    (OVS_CTL, "--no-record-hostname", "--no-ovsdb-server", "start"),
    {Path("/run/openvswitch/ovs-vswitchd.pid"): "ovs-vswitchd"},
    "/var/log/openvswitch",
)
# What ovs-ctl would start, if it did not insist on the kernel's module.
_QUIET = ("-vconsole:emer", "-vsyslog:err", "-vfile:info", "--mlockall")
USERSPACE = ("ovs-vswitchd", "--detach", "--monitor", "--no-chdir", "--pidfile", "--log-file", *_QUIET)
CENTRAL = Part(
    "ovn-central",
    ("ovn-ovsdb-server-nb", "ovn-ovsdb-server-sb", "ovn-northd"),
    (OVN_CTL, "start_northd"),
    {
        RUN / "ovnnb_db.pid": "ovsdb-server",
        RUN / "ovnsb_db.pid": "ovsdb-server",
        RUN / "ovn-northd.pid": "ovn-northd",
    },
    "/var/log/ovn",
)
CHASSIS = Part(
    "ovn-host",
    ("ovn-controller",),
    (OVN_CTL, "start_controller"),
    {RUN / "ovn-controller.pid": "ovn-controller"},
    "/var/log/ovn",
)


def ensure(config: Config) -> None:
    """Let OVN work on this machine, unless CLOUDIA_NETWORK=off. Raises StartError."""
    if not config.network:
        return
    external.refuse_overlap(config.external)
    if not SYSTEM_ID.exists():
        SYSTEM_ID.write_text(host_name() + "\n")
    userspace = not _kernel_datapath()
    start(SWITCH_DATABASE)
    start(replace(SWITCH, command=USERSPACE) if userspace else SWITCH)
    known = _introduce(userspace=userspace)
    _open_databases()
    start(CENTRAL)
    start(CHASSIS)
    _let_user_in()
    vsctl("wait-until", "bridge", "br-int")  # ovn-controller makes it; guests are plugged into it
    if MAPPING in known["ovn-bridge-mappings"].split(","):
        external.ensure(config.external, userspace=userspace)


def host_name() -> str:
    """This machine's name as libvirt tells it (virGetHostname): what CloudiA knows the host by."""
    name = socket.gethostname()
    if "." in name or name.startswith("localhost"):
        return name
    try:
        canonical = socket.getaddrinfo(name, None, flags=socket.AI_CANONNAME)[0][3]
    except OSError:
        return name
    return name if not canonical or canonical.startswith("localhost") else canonical


def _kernel_datapath() -> bool:
    """Whether the kernel can switch packets itself; else ovs-vswitchd does, more slowly."""
    if Path("/sys/module/openvswitch").exists():
        return True
    return subprocess.run(["modprobe", "--quiet", "openvswitch"], capture_output=True).returncode == 0


def _introduce(*, userspace: bool) -> dict[str, str]:
    """Tell ovn-controller what it needs, unless somebody has. What it knows now."""
    row = json.loads(vsctl("--format=json", "--columns=external_ids", "list", "Open_vSwitch"))
    known = dict(row["data"][0][0][1])
    wanted = {
        "hostname": host_name(),
        "ovn-remote": f"unix:{DATABASES[1]}",
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": "127.0.0.1",
        "ovn-bridge-mappings": MAPPING,
        **({"ovn-bridge-datapath-type": "netdev"} if userspace else {}),
    }
    missing = [f'external_ids:{name}="{value}"' for name, value in wanted.items() if name not in known]
    if missing:
        vsctl("set", "Open_vSwitch", ".", *missing)
    return {**wanted, **known}


def _open_databases() -> None:
    """Have every socket that ovsdb-server makes, now and after each restart, open to the user and to nobody else.

    The group will not do: the scripts give /run/ovn and all in it back to root whenever they start a database.
    """
    if not has_systemd():
        RUN.mkdir(exist_ok=True)
        run(*OPEN_FOLDER)
        return
    files = [UNITS / f"ovn-ovsdb-server-{name}.service.d" / "cloudia.conf" for name in ("nb", "sb")]
    if all(file.exists() and file.read_text() == DROP_IN for file in files):
        return
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(DROP_IN)
    run("systemctl", "daemon-reload")


def _let_user_in() -> None:
    """Open the sockets that were there before, and see that the user gets an answer from both."""
    for path in DATABASES:
        if not becomes(path.exists):
            raise StartError(f"ovsdb-server runs, but {path} is missing: restart ovn-central.")
        run("setfacl", "--modify", f"user:{USER}:rw", str(path))
        question = ["runuser", "-u", USER, "--", "ovsdb-client", "--timeout=10", "list-dbs", f"unix:{path}"]
        if subprocess.run(question, cwd="/", capture_output=True).returncode:
            raise StartError(f"the database of OVN does not answer the user {USER} on {path}: restart ovn-central.")


if __name__ == "__main__":  # for the unit cloudia-network; `make run` calls ensure
    try:
        ensure(Config.from_environment())
    except StartError as reason:
        sys.exit(str(reason))
