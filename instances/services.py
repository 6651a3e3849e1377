"""What users ask of instances: check, record, enqueue. The work itself is in :mod:`instances.operations`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.policy import Action, ActionDenied, gone
from cloudia.core.rows import locked
from cloudia.hosts.models import Host
from cloudia.hosts.placement import Demand
from cloudia.jobs.models import Job
from cloudia.jobs.services import job_enqueue
from instances import operations, policies
from instances.affinity import place_in_group
from instances.base_operation import InstanceOperation
from instances.boot_disk import boot_disk_record
from instances.disk_wishes import disks_record
from instances.disks import data_disks, disks_check_deletion
from instances.enums import DesiredState
from instances.gpus import gpu_take
from instances.guest_wishes import guest_record
from instances.interfaces import interfaces_record
from instances.models import Instance, short_id_of
from instances.mounts import mounts_record
from instances.quotas import compute_claim
from instances.selectors import hosts_for
from instances.wishes import InstanceWish, check_wish
from storage.models import Volume


@audited("instance.create", target="project")
def instance_create(*, actor: Actor, project: Project, wish: InstanceWish) -> Job:
    """Record a new instance on a host with room and queue its making; ``job.target_id`` is its id.

    Raises ActionDenied, InputError (with every field that is wrong), both also for a quota, or NoCapacity (with every
    host's reason).
    """
    policies.CREATE.check(project, actor)
    check_wish(wish, project, actor)
    hosts = hosts_for(wish.image, [mount.filesystem for mount in wish.filesystems])
    demand = Demand(wish.compute.vcpus, wish.compute.memory_mib, int(wish.compute.gpu))
    host = place_in_group(demand, hosts, wish.affinity_group)
    compute_claim(project, wish.compute)  # after placing, as everywhere: else two of them may wait for each other
    instance = _instance_record(actor, project, wish, host)
    if instance.gpu:
        gpu_take(instance)
    boot_disk_record(instance, wish.boot_gib)
    volumes = disks_record(actor, instance, wish.volumes)
    interfaces_record(instance, wish.interfaces)
    mounts_record(instance, wish.filesystems)
    guest_record(instance, wish.guest)
    params = {"start": wish.start, "boot_disk_gib": wish.boot_gib, "volumes": [disk.params for disk in wish.volumes]}
    return job_enqueue(
        operation=operations.CreateInstance, target=instance, actor=actor, params=params, also_lock=volumes
    )


@audited("instance.start", target="instance")
def instance_start(*, actor: Actor, instance: Instance) -> Job:
    """Power on. Raises ActionDenied, or NoCapacity if its host has no room now."""
    return _request(operations.StartInstance, instance, actor)


@audited("instance.stop", target="instance")
def instance_stop(*, actor: Actor, instance: Instance, force: bool = False, timeout_s: int | None = None) -> Job:
    """Power off: ask the guest; after ``timeout_s`` (default: the instance's) or at once if ``force``, cut it."""
    limit = instance.stop_timeout_s if timeout_s is None else timeout_s
    return _request(operations.StopInstance, instance, actor, force=force, timeout_s=limit)


@audited("instance.reboot", target="instance")
def instance_reboot(*, actor: Actor, instance: Instance, hard: bool = False) -> Job:
    """Restart: ask the guest, and after its time limit press reset; at once if ``hard``."""
    return _request(operations.RebootInstance, instance, actor, hard=hard, timeout_s=instance.stop_timeout_s)


@audited("instance.delete", target="instance")
def instance_delete(*, actor: Actor, instance: Instance, delete_volumes: bool = False) -> Job:
    """Remove the instance and its boot disk. Data volumes stay, free for others, unless they shall be deleted too.

    Raises ActionDenied, also if something else needs or changes one of those volumes.
    """
    row = _checked(policies.DELETE, instance, actor)
    doomed = [disk.volume for disk in data_disks(row)] if delete_volumes else []
    if doomed:
        locked(Volume, doomed)
        disks_check_deletion(row)
    return _enqueue(operations.DeleteInstance, row, actor, doomed, delete_volumes=delete_volumes)


def _request(operation: type[InstanceOperation], instance: Instance, actor: Actor, **params: Any) -> Job:
    """Check, claim room, record the wish, enqueue: what every request for power does."""
    row = _checked(operation.action, instance, actor)
    operation.claim_room(row)
    return _enqueue(operation, row, actor, **params)


def _enqueue(
    operation: type[InstanceOperation],
    row: Instance,
    actor: Actor,
    also_lock: Iterable[Volume] = (),
    **params: Any,
) -> Job:
    row.desired_state = operation.desired
    row.save(update_fields=["desired_state"])
    return job_enqueue(operation=operation, target=row, actor=actor, params=params, also_lock=also_lock)


def _checked(action: Action, instance: Instance, actor: Actor) -> Instance:
    """The row under its lock, after the only check that counts. Raises ActionDenied, also if it was deleted."""
    if not Instance.objects.select_for_update().filter(pk=instance.pk).values_list("pk"):  # joins can't be locked too
        raise ActionDenied(gone())
    row = Instance.objects.for_policies().get(pk=instance.pk)
    action.check(row, actor)
    return row


def _new_id() -> uuid.UUID:
    """An id whose first eight digits, the readable id, nobody has."""
    while Instance.objects.filter(short_id=short_id_of(pk := uuid.uuid4())).exists():
        pass
    return pk


def _instance_record(actor: Actor, project: Project, wish: InstanceWish, host: Host) -> Instance:
    pk = _new_id()
    compute = wish.compute
    return Instance.objects.create(
        pk=pk,
        short_id=short_id_of(pk),
        name=wish.name.strip(),
        description=wish.description.strip(),
        project=project,
        created_by=actor.user,
        origin=actor.origin,
        owner_name=str(actor.user) if actor.user.is_service else "",
        host=host,
        image=wish.image,
        affinity_group=wish.affinity_group,
        instance_type=compute.instance_type,
        launch_template=wish.launch_template,
        vcpus=compute.vcpus,
        threads_per_core=compute.threads_per_core,
        cores_per_socket=compute.cores,
        max_vcpus=compute.max_vcpus,
        memory_mib=compute.memory_mib,
        max_memory_mib=compute.max_memory_mib,
        gpu=compute.gpu,
        desired_state=DesiredState.RUNNING if wish.start else DesiredState.STOPPED,
    )
