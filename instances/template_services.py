"""What people ask of launch templates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.rows import check_description, check_name, checked, locked
from instances import policies
from instances.launch_templates import LaunchTemplate
from instances.wishes import Compute, InstanceWish, check_wish

CONTENT = "content."  # before what is wrong with the instance that the template would make
STAND_IN = "template"  # for the instance's name, which a template does not have


@audited("launch_template.create", target="project")
def launch_template_create(
    *, actor: Actor, project: Project, name: str, wish: InstanceWish, description: str = ""
) -> LaunchTemplate:
    """Keep how an instance shall be made, if one could be made so now. Raises ActionDenied or InputError, with what is
    wrong with the instance below ``content.``."""
    policies.CREATE_TEMPLATE.check(project, actor)
    template = LaunchTemplate(
        project=project, name=name.strip(), description=description.strip(), created_by=actor.user
    )
    wish, faults = _general(wish), Faults()
    try:
        check_wish(wish, project, actor)
    except InputError as error:
        faults.include(error, CONTENT)
    _check_naming(faults, template)
    faults.raise_if_any()
    template.content = content_of(wish)
    template.save(force_insert=True)
    return template


@audited("launch_template.edit", target="template")
def launch_template_edit(
    *, actor: Actor, template: LaunchTemplate, name: str | None = None, description: str | None = None
) -> LaunchTemplate:
    """Change what is given. Raises ActionDenied or InputError."""
    row = checked(policies.EDIT_TEMPLATE, template, actor)
    row.name = row.name if name is None else name.strip()
    row.description = row.description if description is None else description.strip()
    faults = Faults()
    _check_naming(faults, row)
    faults.raise_if_any()
    row.save(update_fields=["name", "description"])
    return row


@audited("launch_template.delete", target="template")
def launch_template_delete(*, actor: Actor, template: LaunchTemplate) -> None:
    """Forget it; instances made of it stay as they are. Raises ActionDenied."""
    checked(policies.DELETE_TEMPLATE, template, actor).delete()


def content_of(wish: InstanceWish) -> dict[str, Any]:
    """A wish as the API takes it, without name, password, chosen addresses and volumes that are there already."""
    some: dict[str, Any] = {} if wish.boot_disk_gib is None else {"boot_disk_gib": wish.boot_disk_gib}
    if wish.affinity_group:
        some["affinity_group"] = str(wish.affinity_group.pk)
    nics = [
        {"subnet": str(nic.subnet.pk), "security_groups": [str(group.pk) for group in nic.security_groups]}
        for nic in wish.interfaces
    ]
    mounts = [{"filesystem": str(it.filesystem.pk), "mount_path": it.mount_path} for it in wish.filesystems]
    scripts = [{"name": it.name, "stage": str(it.stage), "content": it.content} for it in wish.guest.scripts]
    return {
        "description": wish.description,
        "image": str(wish.image.pk),
        **_compute(wish.compute),
        **some,
        "interfaces": nics,
        "volumes": [disk.params for disk in wish.volumes if disk.volume is None],
        "filesystems": mounts,
        "cloud_init": {"username": wish.guest.username, "ssh_keys": list(wish.guest.ssh_keys), "scripts": scripts},
        "start": wish.start,
    }


def _compute(compute: Compute) -> dict[str, Any]:
    """A type is kept as such: what it fixes follows it. A maximum is kept where it was asked for."""
    if compute.instance_type:
        size: dict[str, Any] = {"instance_type": str(compute.instance_type.pk)}
    else:
        size = {"vcpus": compute.vcpus, "memory_mib": compute.memory_mib}
    if compute.threads is not None and compute.cores is not None:
        size |= {"threads_per_core": compute.threads, "cores": compute.cores}
    if compute.max_vcpus != compute.vcpus:
        size["max_vcpus"] = compute.max_vcpus
    if compute.max_memory_mib != compute.memory_mib:
        size["max_memory_mib"] = compute.max_memory_mib
    return size


def _general(wish: InstanceWish) -> InstanceWish:
    """The wish without what can be one instance's only, and without its password."""
    return replace(
        wish,
        name=STAND_IN,
        interfaces=tuple(replace(nic, address="") for nic in wish.interfaces),
        volumes=tuple(disk for disk in wish.volumes if disk.volume is None),
        guest=replace(wish.guest, password=""),
    )


def _check_naming(faults: Faults, template: LaunchTemplate) -> None:
    """In a project one name is given after the other. Its row is locked last, as everywhere."""
    locked(Project, [template.project])
    siblings = LaunchTemplate.objects.filter(project_id=template.project_id).exclude(pk=template.pk)
    check_name(faults, template.name, siblings)
    check_description(faults, template.description)
