"""What a request for an instance leaves open is taken from its launch template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudia.accounts.actor import Actor
from cloudia.core.ids import is_uuid
from instances.launch_templates import LaunchTemplate

TYPE, BY_HAND = "instance_type", ("vcpus", "memory_mib")
TOPOLOGY = ("threads_per_core", "cores")  # only by hand, as a GPU is


def filled(data: Any, actor: Actor) -> Any:
    """The request's body with what its template adds; as it is if it names none that the actor can see."""
    if not isinstance(data, Mapping) or not isinstance(pk := data.get("launch_template"), str) or not is_uuid(pk):
        return data
    template = LaunchTemplate.objects.visible_to(actor).filter(pk=pk).first()
    return _filled(data, template) if template else data


def _filled(data: Mapping[str, Any], template: LaunchTemplate) -> dict[str, Any]:
    """Lists are replaced as a whole; of the guest's first user each value. One way of saying the size rules out the
    other."""
    content = dict(template.content)
    for name in _ruled_out(data):
        content.pop(name, None)
    guest = data.get("cloud_init")
    if isinstance(guest, Mapping):
        data = {**data, "cloud_init": {**content.get("cloud_init", {}), **guest}}
    return {"project": str(template.project_id), **content, **data}


def _ruled_out(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Of a template that says the size differently; its cores belong to its own number of vCPUs."""
    if TYPE in data:
        return (*BY_HAND, *TOPOLOGY, "gpu")
    by_hand = (TYPE,) if data.get("gpu") is True or any(name in data for name in (*BY_HAND, *TOPOLOGY)) else ()
    return (*by_hand, *(TOPOLOGY if "vcpus" in data else ()))
