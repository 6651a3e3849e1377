"""Everything that can be wrong with an edit: one check for page, API and admin, for stopped and running instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.core.faults import Faults
from cloudia.virt import MEMORY_STEP_MIB
from instances.affinity import check_group
from instances.disk_wishes import check_disks
from instances.edit_plan import links_of
from instances.edits import TOPOLOGY, Applies, Change, EditWish, InterfaceEdit, compute_of
from instances.models import Instance
from instances.mounts import MountWish, check_mounts, check_place
from instances.policies import STOPPED
from instances.wishes import Compute, check_compute, check_description, check_name, check_type
from networking.services.interfaces import check_interfaces

STEP_MIB = MEMORY_STEP_MIB  # by which the memory of a running guest grows; forms say it, too


def check_edit(instance: Instance, wish: EditWish, actor: Actor) -> Faults:
    """What is wrong with ``wish``, apart from changes that may not be made. In the transaction that holds the row."""
    faults = Faults()
    if wish.name is not None:
        check_name(faults, wish.name)
    if wish.description is not None:
        check_description(faults, wish.description)
    if wish.regroup:
        check_group(faults, wish.regroup.group, instance.project)
    if wish.compute:
        _check_compute(faults, instance, wish.compute)
    if wish.interfaces is not None:
        _check_interfaces(faults, instance, wish.interfaces)
    if wish.volumes is not None:
        attached = set(instance.disks.values_list("volume", flat=True))
        check_disks(faults, wish.volumes, instance.project, instance.image.storage_domain, actor, attached)
    if wish.filesystems is not None:
        _check_filesystems(faults, instance, wish.filesystems)
    return faults


def check_allowed(faults: Faults, changes: Sequence[Change]) -> None:
    """Note what may not be changed as things stand, each at its field with the policy's reason."""
    for change in changes:
        faults.require(change.applies != Applies.NEVER, change.field, change.code, change.reason)


def _check_compute(faults: Faults, instance: Instance, want: Compute) -> None:
    have = compute_of(instance)
    own = Faults()
    if want.instance_type != have.instance_type:
        check_type(own, want, instance.project)
    shaped = ("vcpus", "max_vcpus", *TOPOLOGY)
    if instance.state not in STOPPED or all(getattr(want, name) == getattr(have, name) for name in shaped):
        want = replace(want, threads=None, cores=None)  # a guest that ran grew by single vCPUs, and kept its cores
    check_compute(own, want)
    for field, unit in (("vcpus", ""), ("memory_mib", " MiB")):
        limit = f"max_{field}"
        most = getattr(have, limit)
        if getattr(want, limit) == most < getattr(want, field):  # said where something was entered
            own.fields.pop(limit, None)
            message = _("At most %(most)s, the maximum of this instance.") % {"most": f"{most}{unit}"}
            own.note(field, "above_maximum", message)
    more = want.memory_mib - have.memory_mib
    if instance.state not in STOPPED and more > 0 and more % MEMORY_STEP_MIB:
        message = _("While it runs, memory grows in steps of %(step)s MiB: enter %(less)s or %(more)s MiB.")
        less = want.memory_mib - more % MEMORY_STEP_MIB
        words = {"step": MEMORY_STEP_MIB, "less": less, "more": less + MEMORY_STEP_MIB}
        own.note("memory_mib", "memory_step", message % words)
    for field, found in own.fields.items():
        faults.fields[field].extend(found)


def _check_interfaces(faults: Faults, instance: Instance, edits: Sequence[InterfaceEdit]) -> None:
    links = {link.pk for link in links_of(instance)}
    vpc = instance.vpc
    check_interfaces(faults, [edit.wish for edit in edits], instance.project, vpc.pk if vpc else None)
    seen = set[int]()
    for number, edit in enumerate(edits):
        if edit.link is None:
            continue
        at = f"interfaces.{number}"
        faults.require(edit.link.pk in links, at, "gone", _("It is no interface of this instance any more."))
        faults.require(edit.link.pk not in seen, at, "duplicate", _("It is in the list twice."))
        seen.add(edit.link.pk)


def _check_filesystems(faults: Faults, instance: Instance, wishes: Sequence[MountWish]) -> None:
    check_mounts(faults, wishes, instance.project, instance.vpc, "filesystems.")
    for number, wish in enumerate(wishes):
        check_place(faults, f"filesystems.{number}.filesystem", wish.filesystem, instance.host)
