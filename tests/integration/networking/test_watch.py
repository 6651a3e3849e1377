"""The watcher's part: OVN is told at every commit and after every loss, and what it says of hosts is written down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudia.hosts.models import Host
from networking import ovn as backend
from networking import watch
from networking.models import HostNetwork, NetworkChange, NetworkInterface, NetworkState
from networking.sync import ensure_effect
from networking.watch import NetworkDuty, record_hosts
from tests.factories import HostFactory, InterfaceFactory, SubnetFactory
from tests.integration.networking.test_ovn_status import join
from tests.ovn import Ovn

PATIENCE_S = 15.0  # of tests on a busy computer


def wait_for(fact: Callable[[], object]) -> None:
    """Return when it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)


@pytest.fixture
def duty(ovn: Ovn, transactional_db: None) -> Iterator[NetworkDuty]:
    """The thread, as it runs in the leading watcher, once it has told OVN for the first time."""
    thread = NetworkDuty()
    thread.start()
    wait_for(lambda: NetworkState.objects.filter(synced_at__isnull=False).exists())
    yield thread
    thread.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.fixture
def lazy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A duty that hardly ever looks by itself."""
    monkeypatch.setattr(watch, "LOOK_S", 2 * PATIENCE_S)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A duty that looks for drift and for hosts as often as it can."""
    for name in ("LOOK_S", "SYNC_S", "HOSTS_S"):
        monkeypatch.setattr(watch, name, 0.2)


def switches(ovn: Ovn) -> str:
    """What OVN has."""
    return ovn.nbctl("ls-list")


@pytest.mark.usefixtures("lazy")
def test_commit_is_told_at_once_and_not_at_the_next_look(ovn: Ovn, duty: NetworkDuty) -> None:
    subnet = SubnetFactory.create()
    wait_for(lambda: f"subnet-{subnet.pk}" in switches(ovn))
    wait_for(lambda: not NetworkChange.objects.exists())
    duty.stop()
    connection.cursor().execute(f"NOTIFY {watch.CHANNEL}")  # so that it hears of its end


@pytest.mark.usefixtures("duty")
def test_emptied_northbound_database_is_filled_again(ovn: Ovn) -> None:
    subnet = SubnetFactory.create()
    wait_for(lambda: f"subnet-{subnet.pk}" in switches(ovn))
    ovn.lose("nb")
    ovn.start("nb")
    wait_for(lambda: f"subnet-{subnet.pk}" in switches(ovn))


@pytest.mark.usefixtures("duty")
def test_change_made_while_ovn_is_down_is_told_when_it_is_back(ovn: Ovn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("networking.ovn.client.DEADLINE_S", 0.3)
    ovn.stop("nb")
    subnet = SubnetFactory.create()
    wait_for(lambda: NetworkState.current().problem_code == "network_unreachable")
    assert NetworkChange.objects.exists()
    ovn.start("nb")
    wait_for(lambda: f"subnet-{subnet.pk}" in switches(ovn))
    wait_for(lambda: NetworkState.current().problem_code == "")


@pytest.mark.usefixtures("eager", "duty")
def test_drift_is_looked_for_now_and_then(ovn: Ovn) -> None:
    subnet = SubnetFactory.create()
    wait_for(lambda: f"subnet-{subnet.pk}" in switches(ovn))
    ovn.nbctl("ls-del", f"subnet-{subnet.pk}")
    wait_for(lambda: f"subnet-{subnet.pk}" in switches(ovn))


@pytest.mark.usefixtures("duty")
def test_duty_goes_on_after_it_lost_its_database_connections(ovn: Ovn) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN cloudia_net%'")
        assert cursor.fetchall()
    subnet = SubnetFactory.create()
    wait_for(lambda: f"subnet-{subnet.pk}" in switches(ovn))


@pytest.mark.usefixtures("eager", "duty")
def test_host_that_joins_is_written_down(ovn: Ovn) -> None:
    host = HostFactory.create(network=None, hostname="one")
    join(ovn, "one")
    wait_for(lambda: HostNetwork.objects.filter(host=host, chassis="one").exists())


@pytest.mark.django_db
class TestHosts:
    """What one look at OVN writes."""

    def test_host_is_its_chassis_whatever_the_domain_of_its_name(self, ovn: Ovn) -> None:
        host = HostFactory.create(network=None, hostname="ONE.other.domain")
        join(ovn, "one", "datapath-type=netdev", 'ovn-bridge-mappings="public:br-ex,dc:br-dc"')
        record_hosts()
        network = HostNetwork.objects.get()
        assert (network.host, network.chassis, network.answers, network.userspace) == (host, "one", True, True)
        assert network.physical_networks == ["dc", "public"]

    def test_nothing_is_written_where_nothing_has_changed(self, ovn: Ovn) -> None:
        HostFactory.create(network=None, hostname="one")
        HostFactory.create(network=None, hostname="never-joined")
        join(ovn, "one")
        record_hosts()
        NetworkChange.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            record_hosts()
        assert not [query for query in queries if not query["sql"].startswith("SELECT")]
        assert not NetworkChange.objects.exists()

    def test_host_that_has_left_does_not_answer_until_it_is_back(self, ovn: Ovn) -> None:
        host = HostFactory.create(network=None, hostname="one")
        join(ovn, "one")
        record_hosts()
        ovn.sbctl("--all", "destroy", "Chassis_Private", "--", "--all", "destroy", "Chassis")
        record_hosts()
        assert not HostNetwork.objects.get(host=host).answers
        NetworkChange.objects.all().delete()
        record_hosts()
        assert not NetworkChange.objects.exists()
        join(ovn, "one")
        record_hosts()
        assert HostNetwork.objects.get(host=host).answers

    def test_host_without_a_name_yet_is_nobodys_chassis(self, ovn: Ovn) -> None:
        HostFactory.create(network=None, hostname="")
        join(ovn, "one")
        record_hosts()
        assert not HostNetwork.objects.exists()
        assert Host.objects.count() == 1

    def test_interfaces_are_connected_when_a_host_says_so(self, ovn: Ovn) -> None:
        nic, other = (InterfaceFactory.create().interface for _ in range(2))
        ensure_effect()
        join(ovn, "one")
        ovn.sbctl("lsp-bind", str(nic.pk), "one", "--", "set", "Port_Binding", str(nic.pk), "up=true")
        backend.wait(PATIENCE_S)
        record_hosts()
        assert dict(NetworkInterface.objects.values_list("pk", "is_up")) == {nic.pk: True, other.pk: False}
        ovn.sbctl("lsp-unbind", str(nic.pk), "--", "set", "Port_Binding", str(nic.pk), "up=false")
        backend.wait(PATIENCE_S)
        record_hosts()
        assert not NetworkInterface.objects.filter(is_up=True).exists()
