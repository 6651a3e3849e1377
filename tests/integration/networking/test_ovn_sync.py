"""The northbound database says what it shall, whatever others do to it."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from networking import ovn as backend
from networking.ovn import client
from networking.ovn.errors import ForeignNetwork, NetworkRejected, NetworkUnreachable, TooManyDeletions
from networking.ovn.naming import port_group
from networking.ovn.replica import Replica
from networking.ovn.rows import compile_topology
from networking.topology import Topology
from tests.ovn import Ovn
from tests.topologies import DB, INSTALLATION, WEB, known, port, twins

NEAR = f"subnet-{known('subnet', 'a', 'near')}"
WEB_PORT = str(port("a", "web").id)


def applied(topology: Topology | None = None, force: bool = False) -> list[str]:
    """What it took to bring the network there."""
    return [str(change) for change in backend.apply(topology or twins(), INSTALLATION, force=force)]


@pytest.fixture
def synced(ovn: Ovn) -> Ovn:
    """With the twins in it."""
    applied()
    return ovn


def assert_mended(ovn: Ovn, *expected: str) -> None:
    """The drift is reported and mended, and then there is none."""
    planned = [str(change) for change in backend.plan(twins())]
    assert planned == applied()
    assert set(expected) <= set(planned)
    assert applied() == []


def test_first_sync_makes_every_row_and_the_second_changes_nothing(ovn: Ovn) -> None:
    changes = applied()
    made = {f"+ {ref.table} {ref.key}" for ref in compile_topology(twins())}
    assert set(changes) == made | {f"~ NB_Global {INSTALLATION} external_ids"}
    assert applied() == []
    assert ovn.nbctl("get", "Logical_Switch_Port", WEB_PORT, "port_security") == '["52:54:00:61:00:0a 10.0.1.10"]'


def test_plan_changes_nothing(ovn: Ovn) -> None:
    assert len(backend.plan(twins())) == len(compile_topology(twins()))
    assert ovn.nbctl("ls-list") == ""


def test_changed_addresses_are_mended(synced: Ovn) -> None:
    synced.nbctl("lsp-set-addresses", WEB_PORT, "unknown")
    synced.nbctl("lsp-set-port-security", WEB_PORT)
    where = f"~ Logical_Switch_Port {WEB_PORT}"
    assert_mended(synced, f"{where} addresses", f"{where} port_security")


def test_rule_added_by_hand_to_our_group_is_removed(synced: Ovn) -> None:
    synced.nbctl("--type=port-group", "acl-add", port_group(DB.id), "to-lport", "1005", "ip", "allow")
    assert_mended(synced, f"~ Port_Group {port_group(DB.id)} acls")
    assert len(synced.nbctl("--type=port-group", "acl-list", port_group(DB.id)).splitlines()) == 2


def test_rule_added_by_hand_to_our_switch_is_removed(synced: Ovn) -> None:
    synced.nbctl("acl-add", NEAR, "to-lport", "2000", "ip", "allow")
    assert_mended(synced, f"~ Logical_Switch {NEAR} acls")
    assert synced.nbctl("acl-list", NEAR) == ""


def test_deleted_switch_comes_back_with_its_ports(synced: Ovn) -> None:
    synced.nbctl("ls-del", NEAR)
    assert_mended(synced, f"+ Logical_Switch {NEAR}", f"+ Logical_Switch_Port {WEB_PORT}")


def test_deleted_translation_comes_back(synced: Ovn) -> None:
    router = f"vpc-{known('vpc', 'a')}"
    synced.nbctl("lr-nat-del", router, "dnat_and_snat", "198.51.100.111")
    assert_mended(synced, f"+ NAT {known('floating', 'a')}", f"~ Logical_Router {router} nat")


def test_disabled_port_is_enabled(synced: Ovn) -> None:
    synced.nbctl("lsp-set-enabled", WEB_PORT, "disabled")
    assert_mended(synced, f"~ Logical_Switch_Port {WEB_PORT} enabled")


def test_port_that_lost_its_tag_is_taken_back(synced: Ovn) -> None:
    synced.nbctl("clear", "Logical_Switch_Port", WEB_PORT, "external_ids")
    assert_mended(synced, f"~ Logical_Switch_Port {WEB_PORT} external_ids")


def test_copy_of_a_row_is_removed(synced: Ovn) -> None:
    ids = f"external_ids:cloudia\\:kind=subnet external_ids:cloudia\\:id={known('subnet', 'a', 'near')}"
    synced.nbctl("create", "Logical_Switch", f"name={NEAR}", *ids.split())
    assert_mended(synced, f"- Logical_Switch {NEAR}")
    assert synced.nbctl("ls-list").count(NEAR) == 1


def test_rows_of_others_are_left_alone(synced: Ovn) -> None:
    synced.nbctl("ls-add", "theirs", "--", "lsp-add", "theirs", "their-port")
    synced.nbctl("acl-add", "theirs", "to-lport", "1000", "ip", "drop")
    synced.nbctl("pg-add", "their_group", "their-port", WEB_PORT, "--", "lr-add", "their-router")
    synced.nbctl("--bare", "dhcp-options-create", "192.168.0.0/24")
    before = synced.nbctl("show", "theirs")
    assert applied() == []
    applied(Topology(), force=True)
    assert synced.nbctl("--bare", "--columns=name", "list", "Logical_Switch") == "theirs"
    assert synced.nbctl("--bare", "--columns=name", "list", "Logical_Router") == "their-router"
    assert set(synced.nbctl("--bare", "--columns=name", "list", "ACL").split()) == {"drop-in", "drop-out", "dhcp-out"}
    assert len(synced.nbctl("acl-list", "theirs").splitlines()) == 1
    assert len(synced.nbctl("dhcp-options-list").splitlines()) == 1
    assert synced.nbctl("show", "theirs") == before
    assert "their_group" in synced.nbctl("--bare", "--columns=name", "list", "Port_Group").split()


def test_what_is_gone_from_the_wish_goes_from_the_network(synced: Ovn) -> None:
    vpc = twins().vpcs[0]
    near, far = vpc.subnets
    fewer = replace(twins(), vpcs=(replace(vpc, subnets=(replace(near, ports=near.ports[1:]), far), floating=()),))
    changes = applied(fewer)
    assert f"- Logical_Switch_Port {WEB_PORT}" in changes
    assert f"- Logical_Router vpc-{known('vpc', 'b')}" in changes
    assert applied(fewer) == []
    assert synced.nbctl("--bare", "--columns=name", "list", "Logical_Router") == f"vpc-{known('vpc', 'a')}"
    ports = set(synced.nbctl("--bare", "--columns=name", "list", "Logical_Switch_Port").split())
    assert ports == {ref.key for ref in compile_topology(fewer) if ref.table == "Logical_Switch_Port"}


def test_mass_deletion_is_refused_unless_forced(synced: Ovn) -> None:
    with pytest.raises(TooManyDeletions) as caught:
        applied(Topology())
    total, kept = len(compile_topology(twins())), len(compile_topology(Topology()))
    assert {str(total), str(total - kept)} <= set(re.findall(r"\d+", str(caught.value)))
    assert caught.value.code == "network_mass_deletion"
    assert applied() == []
    assert applied(Topology(), force=True)
    assert synced.nbctl("--bare", "--columns=name", "list", "Port_Group") == "pg_default_drop"


def test_little_may_always_be_deleted(ovn: Ovn) -> None:
    applied(Topology(groups=(WEB, DB)))
    assert len([change for change in applied(Topology()) if change.startswith("-")]) < 20


def test_network_of_another_installation_is_refused_unless_forced(synced: Ovn) -> None:
    other = uuid4()
    with pytest.raises(ForeignNetwork, match=str(INSTALLATION)) as caught:
        backend.apply(Topology(), other)
    assert caught.value.code == "network_foreign"
    assert (backend.is_marked(INSTALLATION), backend.is_marked(other)) == (True, False)
    changes = backend.apply(twins(), other, force=True)
    assert [str(change) for change in changes] == [f"~ NB_Global {other} external_ids"]
    assert backend.is_marked(other)


def test_marking_keeps_what_others_wrote_beside_it(ovn: Ovn) -> None:
    ovn.nbctl("set", "NB_Global", ".", "external_ids:theirs=kept")
    applied()
    assert ovn.nbctl("get", "NB_Global", ".", "external_ids:theirs") == "kept"


def test_lost_database_is_rebuilt_by_the_same_client(synced: Ovn) -> None:
    assert backend.is_marked(INSTALLATION)
    synced.lose()
    synced.start("nb")
    assert not backend.is_marked(INSTALLATION)
    assert len(applied()) > len(compile_topology(twins()))
    assert applied() == []
    backend.wait(10)


def test_restarted_database_is_found_again(synced: Ovn) -> None:
    synced.stop("nb", kill=True)
    synced.start("nb")
    assert applied() == []


def test_server_that_stands_still_is_unreachable_within_the_deadline(
    synced: Ovn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "DEADLINE_S", 0.5)
    for connected in (True, False):
        with synced.frozen():
            began = time.monotonic()
            with pytest.raises(NetworkUnreachable) as caught:
                applied()
            assert 0.4 < time.monotonic() - began < 2, connected
    assert caught.value.code == "network_unreachable"
    monkeypatch.undo()
    assert applied() == []


def test_server_that_is_not_there_is_unreachable(ovn: Ovn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "DEADLINE_S", 0.5)
    ovn.stop("nb", "sb")
    for ask in (lambda: backend.is_marked(INSTALLATION), lambda: backend.plan(twins()), backend.chassis):
        with pytest.raises(NetworkUnreachable):
            ask()


def test_other_calls_of_this_process_wait_no_longer_than_the_deadline(
    synced: Ovn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "DEADLINE_S", 0.2)
    database = client.northbound()
    with pytest.raises(NetworkUnreachable):
        database.read(lambda _replica: backend.is_marked(INSTALLATION))


def test_refusal_of_the_server_is_told_in_its_words(synced: Ovn) -> None:
    def same_name_twice(replica: Replica, transaction: Any) -> None:
        for _time in range(2):
            transaction.insert(replica.tables["Port_Group"]).name = "twice"

    with pytest.raises(NetworkRejected, match="constraint violation"):
        client.northbound().change(same_name_twice)
    assert applied() == []


def test_server_without_the_database_says_so(ovn: Ovn) -> None:
    with pytest.raises(NetworkRejected, match="unknown database"):
        client.Database("Elsewhere", ovn.northbound).read(lambda _replica: None)


def test_change_is_thought_over_when_somebody_else_was_faster(synced: Ovn) -> None:
    seen: list[int] = []

    def work(replica: Replica, _transaction: Any) -> None:
        row = replica.row("NB_Global")
        seen.append(replica.value(row, "nb_cfg"))
        row.verify("nb_cfg")
        row.nb_cfg = seen[-1] + 1
        if len(seen) == 1:
            synced.nbctl("set", "NB_Global", ".", "nb_cfg=4000")

    client.northbound().change(work)
    assert seen[1:] == [4000]
    assert synced.nbctl("get", "NB_Global", ".", "nb_cfg") == "4001"


def test_forked_process_leaves_the_connection_of_its_parent_alone(synced: Ovn) -> None:
    assert backend.is_marked(INSTALLATION)
    child = os.fork()
    if not child:
        os._exit(0 if backend.is_marked(INSTALLATION) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    before = client.northbound()
    assert applied() == []
    assert client.northbound() is before
