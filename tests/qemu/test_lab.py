"""The lab does what the other tests build on."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.qemu.lab import PARENT, Lab, LabHost, hosts_of

GUEST = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>160</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features><cpu mode='maximum'/>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/>
<target dev='vda' bus='virtio'/></disk>
<serial type='pty'><log file='/var/log/libvirt/qemu/{name}-serial.log'/></serial></devices></domain>"""


def virsh(uri: str, *words: str, timeout: float = 20) -> str:
    answer = subprocess.run(
        ["virsh", "-q", "-c", uri, *words], stdout=subprocess.PIPE, check=True, timeout=timeout, text=True
    )
    return answer.stdout.strip()


@pytest.fixture
def guest(lab_host: LabHost, tiny_image: Path) -> Iterator[str]:
    """A running tiny guest; its name."""
    disk = lab_host.local_dir / "guest.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", tiny_image, disk], check=True)
    xml = lab_host.local_dir / "guest.xml"
    xml.write_text(GUEST.format(name="lab-guest", disk=disk))
    virsh(lab_host.uri, "define", str(xml))
    virsh(lab_host.uri, "start", "lab-guest")
    yield "lab-guest"
    if virsh(lab_host.uri, "domstate", "lab-guest") == "running":
        virsh(lab_host.uri, "destroy", "lab-guest")
    virsh(lab_host.uri, "undefine", "lab-guest")


def test_every_host_answers_over_socket_and_tls(lab_hosts: list[LabHost]) -> None:
    assert [virsh(host.uri, "hostname") for host in lab_hosts] == ["h1", "h2"]
    assert [virsh(host.uri_tls, "hostname") for host in lab_hosts] == ["h1", "h2"]


def test_hosts_join_ovn_under_the_name_that_libvirt_says(lab: Lab, lab_hosts: list[LabHost]) -> None:
    chassis = lab.sbctl("--bare", "--columns=hostname", "list", "Chassis").split()
    assert sorted(chassis) == [virsh(host.uri, "hostname") for host in lab_hosts]


def test_computer_is_on_the_external_network(lab: Lab) -> None:
    with socket.socket() as server:
        server.bind((f"{lab.external_network}.1", 0))  # only possible with an address of our own


def test_tiny_guest_boots_and_honours_the_power_button(lab_host: LabHost, guest: str) -> None:
    lab_host.wait_for_serial(guest, "TINY-READY")
    virsh(lab_host.uri, "shutdown", guest, "--mode", "acpi")
    deadline = time.monotonic() + 60
    while virsh(lab_host.uri, "domstate", guest) != "shut off":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "power button" in lab_host.serial_log(guest)


def test_hung_host_is_silent_and_the_other_answers(lab_hosts: list[LabHost]) -> None:
    hung, other = lab_hosts
    hung.hang()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            virsh(hung.uri, "hostname", timeout=2)
        assert virsh(other.uri, "hostname") == other.name
    finally:
        hung.unhang()
    assert virsh(hung.uri, "hostname") == hung.name


def test_power_loss_ends_the_guest_and_keeps_its_definition(lab_host: LabHost, guest: str) -> None:
    lab_host.crash()
    lab_host.restart()
    assert virsh(lab_host.uri, "domstate", guest) == "shut off"


def test_second_lab_does_not_disturb_the_first(lab: Lab, lab_hosts: list[LabHost]) -> None:
    second = Lab(PARENT / f"{lab.directory.name}-2")
    try:
        second.run("up", "1", "--no-network")
        uris = [hosts_of(second)[0].uri_tls, lab_hosts[0].uri_tls]
        assert len(set(uris)) == 2
        assert [virsh(uri, "hostname") for uri in uris] == ["h1", "h1"]
    finally:
        second.run("down", "--all")
    assert virsh(lab_hosts[0].uri_tls, "hostname") == "h1"
    assert not second.directory.exists()


def test_command_on_the_guests_console_answers_with_its_status(lab_host: LabHost, guest: str) -> None:
    lab_host.wait_for_serial(guest, "TINY-READY")
    assert lab_host.guest(guest, "echo hello $((40 + 2))") == "hello 42"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        lab_host.guest(guest, "cd /nowhere")
    assert failed.value.returncode not in {0, 124}
