"""The outbox: a change of what OVN is told is noted in the transaction that makes it, and nothing else is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import F, Model
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from networking.models import (
    VPC,
    ExternalNetwork,
    FloatingIP,
    HostNetwork,
    NetworkChange,
    NetworkInterface,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)
from networking.models.state import SLOW
from networking.selectors import dns_label, waiting_changes
from networking.services.interfaces import interfaces_delete
from networking.watch import CHANNEL
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    HostFactory,
    InterfaceFactory,
    RuleFactory,
    SecurityGroupFactory,
    SubnetFactory,
    VPCFactory,
)

TOLD: dict[str, str] = importlib.import_module("networking.migrations.0002_triggers").TOLD
MEMBERS = NetworkInterface.security_groups.through
MODELS: dict[str, type[Model]] = {
    model._meta.db_table: model
    for model in (
        ExternalNetwork, VPC, Subnet, NetworkInterface, MEMBERS, SecurityGroup, SecurityGroupRule, FloatingIP,
        HostNetwork,
    )
}  # fmt: skip
# Nobody tells OVN these.
UNTOLD = {
    ExternalNetwork: {"id", "created_at", "first_address", "last_address", "is_default"},
    VPC: {"id", "created_at", "description", "project", "created_by"},
    Subnet: {"id", "created_at", "vpc", "project", "reserved"},
    NetworkInterface: {"id", "created_at", "project", "owner_type", "owner_id", "is_up"},
    MEMBERS: {"id"},
    SecurityGroup: {"id", "created_at", "description", "project", "is_default", "changed_at"},
    SecurityGroupRule: {"id", "created_at", "group", "description"},
    FloatingIP: {"id", "created_at", "project", "external_network", "address", "description"},
    HostNetwork: {"host", "userspace", "seen_at"},
}
COLUMNS = [(table, column) for table, columns in TOLD.items() for column in columns.split(", ")]


def noted(act: Callable[[], object]) -> bool:
    """Whether what was done is in the outbox."""
    NetworkChange.objects.all().delete()
    act()
    return NetworkChange.objects.exists()


def rewrite(table: str, column: str) -> None:
    """A statement that sets a column, even if to what it is."""
    MODELS[table]._default_manager.update(**{column: F(column)})


def test_every_column_is_either_told_or_not() -> None:
    assert set(TOLD) == set(MODELS)
    for table, model in MODELS.items():
        columns = {field.column: field.name for field in model._meta.concrete_fields}
        told = [columns.pop(column) for column in TOLD[table].split(", ")]
        assert told
        assert set(columns.values()) == UNTOLD[model], table


@pytest.mark.django_db
@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_change_of_a_told_column_is_noted(table: str, column: str) -> None:
    assert noted(lambda: rewrite(table, column))


@pytest.mark.django_db
@pytest.mark.parametrize("model", UNTOLD, ids=lambda model: model.__name__)
def test_change_of_any_other_column_is_not(model: Any) -> None:
    for column in UNTOLD[model] - {"id", "host"}:  # nobody changes a key
        assert not noted(lambda name=column: rewrite(model._meta.db_table, name)), column  # type: ignore[misc]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "make",
    [
        ExternalNetworkFactory.create,
        VPCFactory.create,
        SubnetFactory.create,
        SecurityGroupFactory.create,
        RuleFactory.create,
        FloatingIPFactory.create,
        HostFactory.create,
    ],
    ids=lambda make: make.__self__.__name__,
)
def test_new_and_deleted_rows_are_noted(make: Callable[[], Any]) -> None:
    made: list[Any] = []
    assert noted(lambda: made.append(make()))
    assert noted(made[0].delete)


@pytest.mark.django_db
def test_interface_that_goes_is_noted() -> None:
    link = InterfaceFactory.create()
    link.delete()
    assert noted(lambda: interfaces_delete([link.interface]))


@pytest.mark.django_db
def test_members_that_come_and_go_are_noted() -> None:
    interface, group = InterfaceFactory.create().interface, SecurityGroupFactory.create()
    assert noted(lambda: interface.security_groups.set([group]))
    assert not noted(lambda: interface.security_groups.set([group]))
    assert noted(lambda: interface.security_groups.set([]))


@pytest.mark.django_db
def test_change_that_did_not_happen_is_not_noted() -> None:
    def fail() -> None:
        with transaction.atomic():
            VPCFactory.create()
            transaction.set_rollback(True)

    assert not noted(fail)


@pytest.mark.django_db
def test_changes_wait_only_once_they_are_late() -> None:
    VPCFactory.create()
    assert waiting_changes() == 0
    NetworkChange.objects.update(at=timezone.now() - 2 * SLOW)
    assert waiting_changes() == NetworkChange.objects.count() > 0


@pytest.mark.django_db(transaction=True)
def test_listeners_hear_of_a_change_when_it_is_committed() -> None:
    parameters = {**connection.get_connection_params(), "autocommit": True}
    with psycopg.connect(**parameters) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        with transaction.atomic():
            VPCFactory.create()
            assert not list(listener.notifies(timeout=0.2, stop_after=1))
        assert list(listener.notifies(timeout=5, stop_after=1))


@given(st.text())
def test_any_name_makes_a_dns_label_or_none(name: str) -> None:
    label = dns_label(name)
    assert len(label) <= 63
    assert all(character in "abcdefghijklmnopqrstuvwxyz0123456789-" for character in label)
    assert not label.startswith("-")
    assert not label.endswith("-")
    assert dns_label(label) == label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("web", "web"),
        ("Web Server 1", "web-server-1"),
        ("웹 서버", ""),
        ("web_01.prod", "web-01-prod"),
        ("--x--", "x"),
        ("a" * 62 + " b", "a" * 62),
        ("İ", "i"),
        ("", ""),
    ],
)
def test_label_is_what_dns_can_say_of_a_name(name: str, label: str) -> None:
    assert dns_label(name) == label
