"""What somebody has seen who edits an instance, so that nobody overwrites what somebody else has changed meanwhile.

The page carries it in a field; it is shown to nobody but who sent it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text
from cloudia.ui.templatetags.units import memory
from instances.disks import data_disks
from instances.edit_plan import group_names, links_of, mounts_of
from instances.enums import BY_POWER
from instances.models import Instance
from instances.size_fields import LARGEST
from networking.models import NetworkInterface

LABELS: dict[str, Text] = {
    "state": _("State"),
    "name": _("Name"),
    "description": _("Description"),
    "instance_type": _("Instance type"),
    "affinity_group": _("Affinity group"),
    "vcpus": _("vCPU"),
    "memory_mib": _("Memory size"),
    "threads_per_core": _("Threads per core"),
    "cores": _("Cores per socket"),
    "gpu": _("GPU passthrough"),
    "max_vcpus": _("Maximum vCPUs"),
    "max_memory_mib": _("Maximum memory"),
    "interfaces": _("Network interface"),
    "volumes": _("Block device"),
    "filesystems": _("File system"),
}


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Something that somebody else has changed; empty where there was or is nothing."""

    label: Text
    then: Text
    now: Text


def seen_of(instance: Instance) -> str:
    """What can be edited, as it is now, for the page to carry."""
    return json.dumps(_facts(instance))


def changed_since(seen: str, instance: Instance) -> list[Meanwhile]:
    """What has changed since somebody saw ``seen``, which may be anything: then all of it has."""
    then, now = _read(seen), _facts(instance)
    keys = [*now, *(key for key in then if key not in now)]
    return [
        Meanwhile(LABELS[key.partition(".")[0]], _shown(key, then.get(key)), _shown(key, now.get(key)))
        for key in keys
        if then.get(key) != now.get(key)
    ]


def _read(seen: str) -> dict[str, Any]:
    try:
        found = json.loads(seen)
    except (ValueError, RecursionError):
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {key: value for key, value in known if key.partition(".")[0] in LABELS and _is_fact(value)}


def _is_fact(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and abs(value) <= LARGEST)


def _facts(instance: Instance) -> dict[str, Any]:
    return {
        "state": instance.state,
        "name": instance.name,
        "description": instance.description,
        "instance_type": str(instance.instance_type or ""),
        "affinity_group": str(instance.affinity_group or ""),
        "vcpus": instance.vcpus,
        "memory_mib": instance.memory_mib,
        "threads_per_core": instance.threads_per_core,
        "cores": instance.cores_per_socket or "",
        "gpu": int(instance.gpu),
        "max_vcpus": instance.max_vcpus,
        "max_memory_mib": instance.max_memory_mib,
        **dict(_listed(instance)),
    }


def _listed(instance: Instance) -> Iterator[tuple[str, str]]:
    for link in links_of(instance):
        yield f"interfaces.{link.interface_id}", f"{link.name} · {_nic(link.interface)}"
    for disk in data_disks(instance):
        yield f"volumes.{disk.volume_id}", disk.volume.name
    for mount in mounts_of(instance):
        yield f"filesystems.{mount.filesystem_id}", str(mount)


def _nic(nic: NetworkInterface) -> str:
    return " · ".join(filter(None, (nic.subnet.name, nic.address, group_names(nic.security_groups.all()))))


def _shown(key: str, value: Any) -> Text:
    if key == "state" and value in BY_POWER:
        return BY_POWER[value].label
    if key == "gpu" and isinstance(value, int):
        return _("Used") if value else _("Not used")
    if key.endswith("memory_mib") and isinstance(value, int):
        return memory(value)
    return "" if value is None else str(value)
