"""``sync_network``, and what ``setup`` and ``doctor`` do about networks, against real databases of OVN."""

from __future__ import annotations

import io
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import override

from networking.management import beginnings, diagnosis
from networking.models import (
    VPC,
    ExternalNetwork,
    HostNetwork,
    NetworkChange,
    NetworkInterface,
    NetworkState,
    SecurityGroup,
    Subnet,
)
from networking.services.interfaces import interfaces_delete
from networking.sync import synchronise
from networking.watch import record_hosts
from tests.factories import HostFactory, InterfaceFactory, ProjectFactory, SubnetFactory
from tests.integration.networking.test_ovn_status import join
from tests.ovn import Ovn

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


def sync_network(*words: str) -> list[str]:
    """The lines it prints."""
    call_command("sync_network", *words, stdout=(out := io.StringIO()))
    return out.getvalue().splitlines()


def test_dry_run_prints_what_a_run_then_does(ovn: Ovn) -> None:
    subnet = SubnetFactory.create()
    dry = sync_network("--dry-run")
    assert f"+ Logical_Switch subnet-{subnet.pk}" in dry
    assert ovn.nbctl("ls-list") == ""
    assert NetworkChange.objects.exists()
    wet = sync_network()
    assert set(wet) - set(dry) == {f"~ NB_Global {NetworkState.current().installation} external_ids"}
    assert set(dry) <= set(wet)
    assert f"subnet-{subnet.pk}" in ovn.nbctl("ls-list")
    assert sync_network() == sync_network("--dry-run") == ["The network is as it shall be."]


def test_network_of_another_installation_is_taken_over_by_force_alone(ovn: Ovn) -> None:
    other = uuid.uuid4()
    ovn.nbctl("set", "NB_Global", ".", f"external_ids:cloudia\\:installation={other}")
    subnet = SubnetFactory.create()
    with pytest.raises(CommandError, match=rf"{other}[\s\S]*repeat with --force"):
        sync_network()
    assert ovn.nbctl("ls-list") == ""
    assert f"+ Logical_Switch subnet-{subnet.pk}" in sync_network("--force")


def test_mass_deletion_is_done_by_force_alone(ovn: Ovn) -> None:
    subnet, host = SubnetFactory.create(), HostFactory.create()
    for _ in range(25):
        InterfaceFactory.create(instance__project=subnet.project, instance__host=host, subnet=subnet)
    synchronise()
    rows = list(NetworkInterface.objects.all())
    for nic in rows:
        nic.attachment.delete()
    interfaces_delete(rows)
    with pytest.raises(CommandError, match="repeat with --force"):
        sync_network()
    assert len(sync_network("--dry-run")) > 25
    assert f"- Logical_Switch_Port {rows[0].pk}" in sync_network("--force")


def test_silent_ovn_is_one_line(ovn: Ovn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("networking.ovn.client.DEADLINE_S", 0.3)
    ovn.stop("nb")
    with pytest.raises(CommandError, match=r"\AThe network does not answer .*\Z"):
        sync_network("--dry-run")


def test_fresh_installation_gets_a_way_out_and_a_vpc_with_a_subnet() -> None:
    project = ProjectFactory.create(name="Default project")
    said = list(beginnings.ensure_networks())
    network, vpc, subnet = ExternalNetwork.objects.get(), VPC.objects.get(), Subnet.objects.get()
    assert (network.name, str(network.cidr), network.physical_network, network.is_default) == (
        "public", "198.51.100.0/24", "public", True,
    )  # fmt: skip
    assert (vpc.name, vpc.project, vpc.external_network, vpc.gateway_address) == (
        "default", project, network, "198.51.100.2",
    )  # fmt: skip
    assert (subnet.name, subnet.vpc, str(subnet.cidr), subnet.gateway) == ("default", vpc, "10.0.0.0/24", "10.0.0.1")
    assert SecurityGroup.objects.get().is_default
    assert len(said) == 2
    assert list(beginnings.ensure_networks()) == []


def test_what_an_operator_has_made_is_left_alone() -> None:
    subnet = SubnetFactory.create()
    said = list(beginnings.ensure_networks())
    assert (len(said), ExternalNetwork.objects.count()) == (1, 1)
    assert (VPC.objects.get(), Subnet.objects.get()) == (subnet.vpc, subnet)


def test_host_that_joins_while_setup_waits_is_connected(ovn: Ovn) -> None:
    host = HostFactory.create(network=None, hostname="one")
    assert not beginnings.is_connected(host)
    join(ovn, "one")
    assert beginnings.connect(host)
    assert (beginnings.is_connected(host), host.network.chassis) == (True, "one")


def test_host_that_never_joins_is_waited_for_a_little_and_silence_not_at_all(
    ovn: Ovn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginnings, "JOIN_S", 0.3)
    host = HostFactory.create(network=None, hostname="one")
    assert not beginnings.connect(host)
    monkeypatch.setattr("networking.ovn.client.DEADLINE_S", 0.3)
    ovn.stop("nb")
    assert not beginnings.connect(host)
    assert not HostNetwork.objects.exists()


def doctor() -> tuple[list[str], list[str]]:
    """What is right, and what is wrong with its remedy."""
    with override("en"):
        found = list(diagnosis.findings())
    wrong = [f"{each.what} → {each.remedy}" for each in found if each.remedy]
    return [each.what for each in found if not each.remedy], wrong


class TestDoctor:
    """What the doctor says about OVN."""

    def test_healthy_network_has_nothing_to_mend(self, ovn: Ovn) -> None:
        HostFactory.create(network=None, name="kvm-1", hostname="one")
        join(ovn, "one")
        record_hosts()
        synchronise()
        right, wrong = doctor()
        assert wrong == []
        assert right == [
            f"OVN's northbound database answers ({ovn.northbound})",
            f"OVN's southbound database answers ({ovn.southbound})",
            "ovn-northd translates changes for the hosts",
            "kvm-1 is chassis one and follows changes",
            "OVN was told of every change",
        ]

    def test_host_that_never_joined_or_does_not_follow_is_named(self, ovn: Ovn) -> None:
        HostFactory.create(network=None, name="kvm-1", hostname="one")
        HostFactory.create(network=None, name="kvm-2", hostname="two")
        join(ovn, "one")
        record_hosts()
        HostNetwork.objects.update(answers=False)
        synchronise()
        _right, wrong = doctor()
        assert wrong == [
            "kvm-1 is chassis one and does not follow changes → systemctl restart ovn-host  # kvm-1",
            "kvm-2 is not connected to the network (OVN) → ovs-vsctl get Open_vSwitch . external_ids  # kvm-2",
        ]

    def test_stopped_northd_is_found(self, ovn: Ovn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(diagnosis, "EFFECT_S", 0.3)
        synchronise()
        ovn.stop("northd")
        _right, wrong = doctor()
        assert wrong == [f"ovn-northd does not translate: changes reach no host → {diagnosis.RESTART_CENTRAL}"]

    @pytest.mark.parametrize("name", ["nb", "sb"])
    def test_stopped_database_is_found_and_what_needs_it_not_asked(
        self, ovn: Ovn, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        synchronise()
        monkeypatch.setattr("networking.ovn.client.DEADLINE_S", 0.3)
        ovn.stop(name)
        right, wrong = doctor()
        (said,) = wrong
        assert {"nb": "northbound", "sb": "southbound"}[name] in said
        assert said.endswith(f" → {diagnosis.RESTART_CENTRAL}")
        assert len(right) == 2

    def test_changes_that_wait_are_counted_with_the_reason(self, ovn: Ovn) -> None:
        other = uuid.uuid4()
        ovn.nbctl("set", "NB_Global", ".", f"external_ids:cloudia\\:installation={other}")
        with pytest.raises(CommandError):
            sync_network()
        _right, wrong = doctor()
        (said,) = wrong
        assert str(other) in said
        assert said.endswith(" → python manage.py sync_network --dry-run")
