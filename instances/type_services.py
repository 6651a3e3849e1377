"""What operators ask of instance types."""

from __future__ import annotations

from typing import Any

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.rows import checked
from cloudia.core.validation import clean
from instances import policies
from instances.models import InstanceType


@audited("instance_type.create")
def instance_type_create(
    *,
    actor: Actor,
    name: str,
    vcpus: int,
    memory_mib: int,
    description: str = "",
    project: Project | None = None,
    active: bool = True,
) -> InstanceType:
    """A new type for one project or for all; ``active``: offered from now on. Raises ActionDenied or InputError."""
    size = {"vcpus": vcpus, "memory_mib": memory_mib}
    kind = InstanceType(name=name, description=description, project=project, active=active, **size)
    policies.CREATE_TYPE.check(kind, actor)
    clean(kind)
    kind.save(force_insert=True)
    return kind


@audited("instance_type.edit", target="kind")
def instance_type_edit(*, actor: Actor, kind: InstanceType, **changes: Any) -> InstanceType:
    """Change fields of a type; instances made of it keep what they have. Raises ActionDenied or InputError."""
    row = checked(policies.EDIT_TYPE, kind, actor)
    for name, value in changes.items():
        setattr(row, name, value)
    clean(row)
    row.save(update_fields=list(changes))
    return row


@audited("instance_type.delete", target="kind")
def instance_type_delete(*, actor: Actor, kind: InstanceType) -> None:
    """Forget a type; instances made of it keep their vCPUs and memory. Raises ActionDenied."""
    checked(policies.DELETE_TYPE, kind, actor).delete()
