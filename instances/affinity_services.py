"""What users ask of affinity groups. Nothing that has a host is moved; who is placed later obeys."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.rows import check_description, check_name, checked, locked
from cloudia.hosts.placement import lock_placement
from instances import affinity_policies as policies
from instances.affinity import check_group
from instances.affinity_models import AffinityGroup
from instances.enums import AffinityPolicy
from instances.models import Instance


@audited("affinity_group.create", target="project")
def affinity_create(*, actor: Actor, project: Project, **values: Any) -> AffinityGroup:
    """A new group: ``name``, ``policy``, ``hard``, ``enabled``, ``description``. Raises ActionDenied or InputError."""
    policies.CREATE_AFFINITY.check(project, actor)
    group = AffinityGroup(project=project)
    _take(group, values)
    group.save(force_insert=True)
    return group


@audited("affinity_group.edit", target="group")
def affinity_edit(*, actor: Actor, group: AffinityGroup, **changes: Any) -> AffinityGroup:
    """Change some of those. Raises ActionDenied or InputError."""
    row = checked(policies.EDIT_AFFINITY, group, actor)
    lock_placement()  # whoever is being placed was placed by the old rule, all others obey the new one
    _take(row, changes)
    row.save(update_fields=list(changes))
    return row


@audited("affinity_group.delete", target="group")
def affinity_delete(*, actor: Actor, group: AffinityGroup) -> None:
    """Remove a group without members. Raises ActionDenied."""
    checked(policies.DELETE_AFFINITY, group, actor).delete()


@audited("instance.regroup", target="instance")
def instance_regroup(*, actor: Actor, instance: Instance, group: AffinityGroup | None) -> Instance:
    """Put a stopped instance into another group, or into none; it stays where it is.

    Raises ActionDenied, or InputError at ``affinity_group``.
    """
    row = checked(policies.REGROUP, instance, actor)
    faults = Faults()
    check_group(faults, group, row.project)
    faults.raise_if_any()
    lock_placement()  # those who are placed from here on see it in its group
    row.affinity_group = group
    row.save(update_fields=["affinity_group"])
    return row


def _take(group: AffinityGroup, values: dict[str, Any]) -> None:
    """Set ``values``; what is wrong with them is said at once."""
    for name, value in values.items():
        setattr(group, name, value.strip() if isinstance(value, str) else value)
    locked(Project, [group.project])  # whoever else names one there waits
    faults, siblings = Faults(), AffinityGroup.objects.filter(project=group.project_id).exclude(pk=group.pk)
    check_name(faults, group.name, siblings)
    check_description(faults, group.description)
    known = group.policy in AffinityPolicy.values
    faults.require(known, "policy", "invalid_choice", _("Choose affinity or anti-affinity."))
    faults.raise_if_any()
