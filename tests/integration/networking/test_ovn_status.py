"""What OVN says about hosts and ports. The hosts here are rows; real ones are in the tests with QEMU."""

from __future__ import annotations

import time

import pytest

from networking import ovn as backend
from networking.ovn import status
from networking.ovn.errors import NetworkUnreachable
from networking.topology import Chassis
from tests.ovn import Ovn
from tests.topologies import INSTALLATION, known, port, twins


def join(ovn: Ovn, name: str, *settings: str) -> None:
    """What a host's ovn-controller writes when it comes."""
    ovn.sbctl("chassis-add", name, "geneve", f"127.0.0.{sum(name.encode()) % 250}")  # each has its own
    ovn.sbctl("set", "Chassis", name, f"hostname={name}.example", *(f"other_config:{each}" for each in settings))
    chassis = ovn.sbctl("--bare", "--columns=_uuid", "find", "Chassis", f"name={name}")
    ovn.sbctl("create", "Chassis_Private", f"name={name}", f"chassis={chassis}")


def follow(ovn: Ovn, name: str) -> None:
    """What it writes when it has done what was asked."""
    number = ovn.sbctl("get", "SB_Global", ".", "nb_cfg")
    ovn.sbctl("set", "Chassis_Private", name, f"nb_cfg={number}")


def answers() -> dict[str, bool]:
    """Which host answers."""
    return {chassis.name: chassis.answers for chassis in backend.chassis()}


def test_hosts_are_told_with_what_their_switch_can(ovn: Ovn) -> None:
    join(ovn, "one", "datapath-type=netdev", 'ovn-bridge-mappings="public:br-ex,lab:br-lab,odd,:x,"')
    join(ovn, "two", "datapath-type=system")
    hosts = backend.chassis()
    assert hosts == [
        Chassis(
            name="one",
            hostname="one.example",
            userspace=True,
            answers=hosts[0].answers,
            physical_networks=frozenset({"public", "lab"}),
        ),
        Chassis(name="two", hostname="two.example", userspace=False, answers=hosts[1].answers),
    ]


def test_no_hosts_are_no_error(ovn: Ovn) -> None:
    assert backend.chassis() == []


def test_host_that_does_not_follow_for_long_does_not_answer(ovn: Ovn, monkeypatch: pytest.MonkeyPatch) -> None:
    join(ovn, "alive")
    join(ovn, "dead")
    backend.wait(10)
    follow(ovn, "alive")
    assert answers() == {"alive": True, "dead": True}
    monkeypatch.setattr(status, "LAG_S", 0.0)
    time.sleep(0.01)
    assert answers() == {"alive": True, "dead": False}
    follow(ovn, "dead")
    assert answers() == {"alive": True, "dead": True}


def test_host_that_follows_slowly_answers(ovn: Ovn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "LAG_S", 0.3)
    join(ovn, "slow")
    for _beat in range(3):
        backend.wait(10)
        assert answers() == {"slow": True}
        time.sleep(0.2)
        follow(ovn, "slow")
        backend.wait(10)
    assert answers() == {"slow": True}


def test_beats_count(ovn: Ovn) -> None:
    first = backend.beat()
    assert backend.beat() == first + 1
    assert ovn.nbctl("get", "NB_Global", ".", "nb_cfg") == str(first + 1)


def test_waiting_ends_when_northd_has_translated_everything(ovn: Ovn) -> None:
    backend.apply(twins(), INSTALLATION)
    backend.wait(10)
    assert f"subnet-{known('subnet', 'a', 'near')}" in ovn.sbctl("list", "Datapath_Binding")


def test_waiting_without_northd_ends_in_time(ovn: Ovn) -> None:
    ovn.stop("northd")
    began = time.monotonic()
    with pytest.raises(NetworkUnreachable):
        backend.wait(0.3)
    assert 0.2 < time.monotonic() - began < 2


def test_port_is_up_when_a_host_has_connected_it(ovn: Ovn) -> None:
    web, db = port("a", "web").id, port("a", "db").id
    backend.apply(twins(), INSTALLATION)
    backend.wait(10)
    assert backend.ports_up([web, db]) == set()
    join(ovn, "one")
    ovn.sbctl("lsp-bind", str(web), "one")
    ovn.sbctl("set", "Port_Binding", str(web), "up=true")
    backend.wait(10)
    assert backend.ports_up([web, db]) == {web}
    assert backend.ports_up([db]) == set()
    assert backend.ports_up([]) == set()
    assert backend.apply(twins(), INSTALLATION) == []
