"""What the create form starts with when it is opened with a launch template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from cloudia.accounts.models import Project
from cloudia.core.policy import Text
from instances.affinity_models import AffinityGroup
from instances.launch_templates import LaunchTemplate
from instances.models import InstanceType
from instances.network_forms import AUTOMATIC
from instances.template_filling import TOPOLOGY
from storage.models import Image

PLAIN = ("description", "vcpus", "gpu", "max_vcpus", "boot_disk_gib", "start")  # so called in form and content
RENAMED = {"memory": "memory_mib", "max_memory": "max_memory_mib"}


@dataclass(frozen=True)
class Prefill:
    """Values of fields and rows. ``lost`` names what the template has and the project has no more."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    interfaces: Sequence[Mapping[str, Any]] | None = None  # None: the usual one
    new_volumes: Sequence[Mapping[str, Any]] = ()
    filesystems: Sequence[Mapping[str, Any]] = ()
    scripts: Sequence[Mapping[str, Any]] = ()
    lost: Sequence[Text] = ()

    @classmethod
    def of(cls, template: LaunchTemplate) -> Prefill:
        """All that a template keeps and that can still be chosen."""
        reader = _Reader(template.content, template.project)
        fields = reader.fields()
        return cls(
            fields=fields,
            interfaces=reader.interfaces(),
            new_volumes=template.content["volumes"],
            filesystems=reader.filesystems(),
            scripts=template.content["cloud_init"]["scripts"],
            lost=reader.lost,
        )


class _Reader:
    """Reads a template's content and notes what it looks for in vain."""

    def __init__(self, content: Mapping[str, Any], project: Project) -> None:
        self.content, self.project = content, project
        self.lost: list[Text] = []

    def fields(self) -> dict[str, Any]:
        """Of the form itself."""
        content, guest = self.content, self.content["cloud_init"]
        kind, group = content.get("instance_type"), content.get("affinity_group")
        return {
            **{name: content.get(name) for name in PLAIN},
            **{name: content.get(key) for name, key in RENAMED.items()},
            "mode": "type" if kind else "direct",
            **({"topology": "custom", **{name: content[name] for name in TOPOLOGY}} if "cores" in content else {}),
            "image": self._one(Image.objects.usable_in(self.project), content["image"], _("OS image")),
            **({"instance_type": self._one(self._types, kind, _("Instance type"))} if kind else {}),
            **({"affinity_group": self._one(self._groups, group, _("Affinity group"))} if group else {}),
            "username": guest["username"],
            "ssh_keys": "\n".join(guest["ssh_keys"]),
        }

    def interfaces(self) -> list[dict[str, Any]]:
        """As rows, each with an automatic address."""
        return [self._interface(number, nic) for number, nic in enumerate(self.content["interfaces"], 1)]

    def filesystems(self) -> list[Mapping[str, Any]]:
        """As rows, without those that are no more."""
        there = self.project.filesystems.all()
        return [it for it in self.content["filesystems"] if self._one(there, it["filesystem"], it["mount_path"])]

    @property
    def _types(self) -> QuerySet[InstanceType]:
        return InstanceType.objects.usable_in(self.project)

    @property
    def _groups(self) -> QuerySet[AffinityGroup]:
        return AffinityGroup.objects.filter(project=self.project)

    def _interface(self, number: int, nic: Mapping[str, Any]) -> dict[str, Any]:
        label = f"nic-{number}"
        subnet = self._one(self.project.subnets.all(), nic["subnet"], f"{label} {_('Subnet')}")
        groups = [
            self._one(self.project.security_groups.all(), group, f"{label} {_('Security groups')}")
            for group in nic["security_groups"]
        ]
        return {"subnet": subnet, "assignment": AUTOMATIC, "ip_address": "", "security_groups": [*filter(None, groups)]}

    def _one(self, rows: QuerySet[Any, Model], pk: str, label: Text) -> str:
        """The id if it is one of ``rows``, else nothing."""
        if rows.filter(pk=pk).exists():
            return pk
        self.lost.append(label)
        return ""


NOTHING = Prefill()
