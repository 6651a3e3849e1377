"""What operators ask of hosts. Only the database changes here; the watcher picks it up within seconds."""

from __future__ import annotations

from typing import Any

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.policy import Action
from cloudia.core.validation import clean
from cloudia.hosts import policies
from cloudia.hosts.enums import AcceleratorChoice, HostState
from cloudia.hosts.models import Host


@audited("host.register")
def host_register(
    *,
    actor: Actor,
    name: str,
    uri: str,
    username: str = "",
    password: str = "",
    accelerator: str = AcceleratorChoice.AUTO,
) -> Host:
    """A new host, active at once. Raises ActionDenied or InputError."""
    host = Host(name=name.strip(), uri=uri.strip(), username=username, accelerator_choice=accelerator)
    policies.REGISTER.check(host, actor)
    host.set_password(password)
    clean(host)
    host.save(force_insert=True)
    return host


@audited("host.edit", target="host")
def host_edit(*, actor: Actor, host: Host, password: str | None = None, **changes: Any) -> Host:
    """Change fields of a host by their names; the watcher connects again. Raises ActionDenied or InputError."""
    row = Host.objects.select_for_update().get(pk=host.pk)
    policies.EDIT.check(row, actor)
    for name, value in changes.items():
        setattr(row, name, value)
    if password is not None:
        row.set_password(password)
    clean(row)
    row.save(update_fields=[*changes, *([] if password is None else ["sealed_password"])])
    return row


@audited("host.maintenance", target="host")
def host_maintenance(*, actor: Actor, host: Host) -> Host:
    """Take no new guests from now on; those that are there stay. Raises ActionDenied."""
    return _change(policies.MAINTENANCE, host, actor, HostState.MAINTENANCE)


@audited("host.activate", target="host")
def host_activate(*, actor: Actor, host: Host) -> Host:
    """Take new guests again. Raises ActionDenied."""
    return _change(policies.ACTIVATE, host, actor, HostState.ACTIVE)


def _change(action: Action, host: Host, actor: Actor, state: HostState) -> Host:
    """The row under its lock, changed after the only check that counts."""
    row = Host.objects.select_for_update().get(pk=host.pk)
    action.check(row, actor)
    row.state = state
    row.save(update_fields=["state"])
    return row
