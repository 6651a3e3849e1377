"""Telling OVN: everything once, nothing twice, drift mended and written down, silence said in both languages."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import override

from networking import ovn as backend
from networking.models import HostNetwork, NetworkChange, NetworkInterface, NetworkRepair, NetworkState, Subnet
from networking.ovn import ForeignNetwork, NetworkUnreachable, TooManyDeletions
from networking.ovn import client as ovn_client
from networking.selectors import network_problem, wished_topology
from networking.services.interfaces import interfaces_delete
from networking.sync import drift, ensure_effect, synchronise
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    HostFactory,
    InterfaceFactory,
    ProjectFactory,
    RuleFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.networking.tenant import at_once
from tests.ovn import Ovn

pytestmark = pytest.mark.django_db


def shop() -> Subnet:
    """A connected VPC whose one subnet has a guarded interface with a floating IP."""
    project, network = ProjectFactory.create(), ExternalNetworkFactory.create()
    vpc = VPCFactory.create(project=project, external_network=network, gateway_address="198.51.100.2")
    subnet = SubnetFactory.create(vpc=vpc, project=project)
    group = RuleFactory.create(group__project=project).group
    nic = InterfaceFactory.create(instance__project=project, subnet=subnet, groups=[group]).interface
    FloatingIPFactory.create(project=project, external_network=network, interface=nic, address="198.51.100.77")
    return subnet


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little patience with databases that are away."""
    monkeypatch.setattr(ovn_client, "DEADLINE_S", 0.3)


def test_everything_is_told_and_nothing_waits_any_more(ovn: Ovn) -> None:
    subnet = shop()
    nic = NetworkInterface.objects.get()
    assert NetworkChange.objects.exists()
    assert synchronise()
    assert not NetworkChange.objects.exists()
    assert ovn.nbctl("lsp-get-addresses", str(nic.pk)).startswith(f"{nic.mac} {nic.address}")
    assert "198.51.100.77" in ovn.nbctl("lr-nat-list", f"vpc-{subnet.vpc_id}")
    state = NetworkState.current()
    assert (state.problem, state.synced_at is not None) == ("", True)
    assert not NetworkRepair.objects.exists()


def test_second_run_changes_nothing(ovn: Ovn) -> None:
    shop()
    synchronise()
    before = ovn.nbctl("show"), ovn.nbctl("get", "NB_Global", ".", "nb_cfg")
    assert drift() == []
    assert synchronise() == []
    assert (ovn.nbctl("show"), ovn.nbctl("get", "NB_Global", ".", "nb_cfg")) == before
    assert not NetworkRepair.objects.exists()


def test_change_tells_only_what_it_changes(ovn: Ovn) -> None:
    shop()
    synchronise()
    NetworkInterface.objects.update(owner_name="renamed")
    changes = synchronise()
    assert {(change.sign, change.table) for change in changes} == {
        ("~", "DNS"),
        ("~", "Logical_Switch_Port"),
    }  # with a tag
    assert "renamed.internal" in ovn.nbctl("--bare", "--columns=records", "list", "DNS")


def test_drift_is_mended_and_written_down(ovn: Ovn) -> None:
    subnet = shop()
    synchronise()
    nic = NetworkInterface.objects.get()
    ovn.nbctl("lsp-set-addresses", str(nic.pk), "52:54:00:00:00:01 10.0.0.200")
    ovn.nbctl("--all", "destroy", "DNS")
    assert drift()
    changes = synchronise()
    repair = NetworkRepair.objects.get()
    assert repair.total == len(changes) > 1
    assert f"~ Logical_Switch_Port {nic.pk} addresses" in repair.changes
    assert nic.address in ovn.nbctl("lsp-get-addresses", str(nic.pk))
    assert drift() == []
    ovn.nbctl("ls-del", f"subnet-{subnet.pk}")
    synchronise()
    assert f"+ Logical_Switch subnet-{subnet.pk}" in NetworkRepair.objects.latest("at").changes


def test_first_agreement_is_no_drift(ovn: Ovn) -> None:
    assert synchronise(), "what every network has"
    assert not NetworkRepair.objects.exists()


def test_old_repairs_are_forgotten(ovn: Ovn) -> None:
    synchronise()
    for days in (91, 89):
        NetworkRepair.objects.create(at=timezone.now() - timedelta(days=days))
    ovn.nbctl("--all", "destroy", "Port_Group")
    synchronise()
    assert NetworkRepair.objects.count() == 2


def test_change_that_was_asked_for_is_no_drift(ovn: Ovn) -> None:
    shop()
    synchronise()
    Subnet.objects.update(dns=["192.0.2.53"])
    assert synchronise()
    assert not NetworkRepair.objects.exists()


def test_stray_rows_are_left_alone(ovn: Ovn) -> None:
    shop()
    ovn.nbctl("ls-add", "by-hand")
    synchronise()
    assert "by-hand" in ovn.nbctl("ls-list")
    assert drift() == []


def test_lost_northbound_database_is_rebuilt_from_postgresql(ovn: Ovn) -> None:
    shop()
    synchronise()
    ovn.lose("nb")
    ovn.start("nb")
    assert not backend.is_marked(NetworkState.current().installation)
    synchronise()
    nic = NetworkInterface.objects.get()
    assert nic.address in ovn.nbctl("lsp-get-addresses", str(nic.pk))
    assert drift() == []


@pytest.mark.usefixtures("hasty")
def test_silence_is_said_in_both_languages_until_it_ends(ovn: Ovn) -> None:
    shop()
    ovn.stop("nb")
    with pytest.raises(NetworkUnreachable):
        synchronise()
    state = NetworkState.current()
    assert state.problem_code == "network_unreachable"
    assert set(state.problem_texts) == {"ko", "en"}
    assert state.problem_texts["ko"] != state.problem_texts["en"]
    with override("en"):
        assert network_problem() == f"The network does not answer ({ovn.northbound})."
    assert NetworkChange.objects.exists(), "still to be told"
    ovn.start("nb")
    synchronise()
    assert (network_problem(), NetworkState.current().problem_code) == ("", "")
    assert not NetworkChange.objects.exists()


def test_empty_database_does_not_wipe_the_network_unless_forced(ovn: Ovn) -> None:
    subnet = shop()
    host = HostFactory.create()
    for _ in range(25):
        InterfaceFactory.create(instance__project=subnet.project, instance__host=host, subnet=subnet)
    synchronise()
    rows = list(NetworkInterface.objects.all())
    for nic in rows:
        nic.attachment.delete()
    interfaces_delete(rows)
    Subnet.objects.all().delete()
    with pytest.raises(TooManyDeletions):
        synchronise()
    assert NetworkState.current().problem_code == "network_mass_deletion"
    assert f"subnet-{subnet.pk}" in ovn.nbctl("ls-list")
    synchronise(force=True)
    assert f"subnet-{subnet.pk}" not in ovn.nbctl("ls-list")
    assert NetworkState.current().problem_code == ""


def test_network_of_another_installation_is_not_touched_unless_forced(ovn: Ovn) -> None:
    synchronise()
    NetworkState.objects.all().delete()  # another database: another installation
    shop()
    with pytest.raises(ForeignNetwork):
        synchronise()
    assert NetworkState.current().problem_code == "network_foreign"
    synchronise(force=True)
    assert backend.is_marked(NetworkState.current().installation)


def test_effect_is_in_the_flows_when_it_is_said(ovn: Ovn) -> None:
    shop()
    ensure_effect()
    assert f'"{NetworkInterface.objects.get().pk}"' in ovn.sbctl("list", "Port_Binding").replace(
        "logical_port        : ", ""
    )
    assert not NetworkChange.objects.exists()
    ovn.lose("nb")
    ovn.start("nb")
    ensure_effect()
    assert drift() == []


def test_effect_is_not_said_while_nobody_translates(ovn: Ovn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("networking.sync.EFFECT_S", 0.3)
    shop()
    ovn.stop("northd")
    try:
        with pytest.raises(NetworkUnreachable):
            ensure_effect()
    finally:
        ovn.start("northd")
    ensure_effect()


def test_gateways_are_on_hosts_that_answer_and_fall_back_to_any(ovn: Ovn) -> None:
    shop()
    HostNetwork.objects.all().delete()
    networks = [HostFactory.create(network__chassis=name).network for name in ("a", "b", "c")]
    HostFactory.create(network__physical_networks=[])  # not on the physical network

    def chassis() -> list[str]:
        (vpc,) = wished_topology().vpcs
        assert vpc.gateway
        return list(vpc.gateway.chassis)

    assert sorted(chassis()) == ["a", "b", "c"]
    best = chassis()[0]
    HostNetwork.objects.filter(chassis=best).update(answers=False)
    assert sorted(chassis()) == sorted({"a", "b", "c"} - {best})
    synchronise()
    assert sorted(ovn.nbctl("--bare", "--columns=chassis_name", "list", "Gateway_Chassis").split()) == sorted(chassis())
    HostNetwork.objects.update(answers=False)
    assert sorted(chassis()) == ["a", "b", "c"], "somebody must"
    assert len(networks) == 3


def test_vpcs_are_spread_over_the_hosts() -> None:
    network = ExternalNetworkFactory.create()
    for name in ("a", "b"):
        HostFactory.create(network__chassis=name)
    for number in range(24):
        VPCFactory.create(external_network=network, gateway_address=f"198.51.100.{number + 2}")
    first = [vpc.gateway.chassis[0] for vpc in wished_topology().vpcs if vpc.gateway]
    assert set(first) == {"a", "b"}


def test_vpc_has_a_few_gateways_however_many_hosts_there_are() -> None:
    VPCFactory.create(external_network=ExternalNetworkFactory.create(), gateway_address="198.51.100.2")
    for _ in range(9):
        HostFactory.create()
    (vpc,) = wished_topology().vpcs
    assert vpc.gateway
    assert len(set(vpc.gateway.chassis)) == 5


@pytest.mark.django_db(transaction=True)
def test_there_is_one_writer_at_a_time_and_no_change_is_lost(ovn: Ovn) -> None:
    subnet = shop()

    def change_and_tell(number: int) -> None:
        InterfaceFactory.create(instance__project=subnet.project, subnet=subnet, address=f"10.0.0.{100 + number}")
        synchronise()

    at_once(change_and_tell, range(8), threads=4)
    assert not NetworkChange.objects.exists()
    assert ovn.nbctl("show").count("10.0.0.1") >= 8
    assert drift() == []
    assert not NetworkRepair.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_change_made_while_ovn_is_told_is_told_next(ovn: Ovn, monkeypatch: pytest.MonkeyPatch) -> None:
    subnet = shop()
    apply: Any = backend.apply

    def commit_meanwhile() -> None:
        with transaction.atomic():
            InterfaceFactory.create(instance__project=subnet.project, subnet=subnet)
        connection.close()

    def slow(*args: Any, **kwargs: Any) -> Any:
        thread = threading.Thread(target=commit_meanwhile)
        thread.start()
        thread.join()
        return apply(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(backend, "apply", slow)
        synchronise()
    assert NetworkChange.objects.exists()
    assert synchronise()
    assert not NetworkChange.objects.exists()
    assert not NetworkRepair.objects.exists()
