"""The page 인스턴스 편집 as a browser sends it, and instances to edit."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client

from cloudia.accounts.models import Project
from instances.models import Instance
from networking.models import Subnet
from tests.factories import (
    BootDiskFactory,
    DataDiskFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InterfaceFactory,
    StorageDomainFactory,
    VolumeFactory,
)


def make(project: Project, subnet: Subnet, state: str) -> Instance:
    """An instance with something of everything."""
    host = HostFactory.create()
    image = ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=[host]))
    size = {"max_vcpus": 4, "max_memory_mib": 4096}
    instance = InstanceFactory.create(
        project=project, name="web", host=host, image=image, power_state=state, desired_state=state, **size
    )
    BootDiskFactory.create(instance=instance)
    data = VolumeFactory.create(project=project, storage_domain=instance.image.storage_domain, name="data")
    DataDiskFactory.create(instance=instance, volume=data)
    for _number in range(2):
        InterfaceFactory.create(instance=instance, subnet=subnet)
    return instance


def address(instance: Instance) -> str:
    """Of the page."""
    return f"/instances/{instance.pk}/edit/"


def sent(browser: Client, instance: Instance, **changes: Any) -> dict[str, Any]:
    """What the page would send if nothing but these were changed."""
    page = browser.get(address(instance)).content.decode()
    values: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", page):
        kind, name = attribute(tag, "type"), attribute(tag, "name")
        if name and (kind not in {"checkbox", "radio"} or " checked" in tag) and " disabled" not in tag:
            values.setdefault(name, []).append(attribute(tag, "value"))
    for name, body in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', page, re.DOTALL):
        chosen = re.findall(r'<option value="([^"]*)" selected', body)
        values[name] = chosen
    for name, body in re.findall(r'<textarea name="([^"]+)".*?>(.*?)</textarea>', page, re.DOTALL):
        values[name] = [unescape(body).removeprefix("\n")]
    values.pop("visibility", None)
    return {**values, **changes}


def attribute(tag: str, name: str) -> str:
    """One attribute of a tag as text."""
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return unescape(found[1]) if found else ""


def nic(instance: Instance, position: int) -> str:
    """What the names of the fields of an interface begin with."""
    return f"nic-{instance.interfaces.get(position=position).interface_id}"


def row(subnet: Subnet, **values: str) -> dict[str, Any]:
    """A new interface as the page sends it."""
    fields = {"subnet": str(subnet.pk), "assignment": "auto", "ip_address": "", **values}
    counts = {"interfaces-TOTAL_FORMS": "1", "interfaces-INITIAL_FORMS": "0"}
    return counts | {f"interfaces-0-{name}": value for name, value in fields.items()}


def volume_row(name: str, size_gib: str = "5") -> dict[str, str]:
    """A new volume as the page sends it."""
    counts = {"new_volumes-TOTAL_FORMS": "1", "new_volumes-INITIAL_FORMS": "0"}
    return {**counts, "new_volumes-0-name": name, "new_volumes-0-size_gib": size_gib}


def plan_of(browser: Client, instance: Instance, **changes: Any) -> list[tuple[str, str]]:
    """What the panel says would change: field, and when it applies."""
    answer = browser.post(f"{address(instance)}plan/", sent(browser, instance, **changes))
    assert answer.status_code == 200
    return [(change.field, str(change.applies)) for change in answer.context["changes"]]


def problems(answer: Any) -> list[tuple[str, str]]:
    """Anchors and sentences of what is wrong."""
    assert answer.status_code == 422
    return [(problem.anchor, str(problem.text)) for problem in answer.context["problems"]]
