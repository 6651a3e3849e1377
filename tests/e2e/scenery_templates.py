"""Launch templates of the gallery: one with something of everything, one that is out of date, one of hostile words."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

WEB, WEB_NOTE = "웹 서버 표준", "쇼핑몰 웹 서버. 배포 스크립트 포함"
OLD, OLD_NOTE = "배치 서버 (구형)", "이미지와 타입을 다시 골라야 합니다."
SCRIPT = {"name": "setup.sh", "stage": "boot", "content": "#!/bin/bash\napt-get install --yes nginx\n"}
WORDS = (WEB, WEB_NOTE, OLD, OLD_NOTE, SCRIPT["content"].strip())


def templates(project: Any, instances: list[Any], user: Any) -> dict[str, str]:
    """Some instances were made of the first. Answers with the ids of both."""
    from instances.models import InstanceType  # after django.setup

    subnet = project.subnets.get(name="subnet-web")
    groups = [str(group.pk) for group in project.security_groups.filter(name="sg-web")]
    share = project.filesystems.order_by("name").first()
    kind = InstanceType.objects.get(name="표준")
    image = next(row.image for row in instances if row.name == "web-prod-01")
    more = {
        "instance_type": str(kind.pk),
        "boot_disk_gib": 20,
        "volumes": [{"name": "data", "size_gib": 50}],
        "filesystems": [{"filesystem": str(share.pk), "mount_path": "/mnt/share"}],
        "cloud_init": {"username": "deploy", "ssh_keys": [], "scripts": [SCRIPT]},
    }
    web = _made(project, image, subnet, groups, WEB, user, WEB_NOTE, **more)
    gone = {"image": str(uuid4()), "instance_type": str(uuid4())}
    old = _made(project, image, subnet, [str(uuid4())], OLD, user, OLD_NOTE, **gone)
    made = [row.pk for row in instances if row.name.startswith("web-prod")]
    type(instances[0]).objects.filter(pk__in=made).update(launch_template=web)
    return {"template": str(web.pk), "template_old": str(old.pk)}


def hostile_template(project: Any, instance: Any, name: str) -> dict[str, str]:
    """With words that try to break pages wherever there is place for them."""
    subnet = project.subnets.first()
    guest = {"username": "deploy", "ssh_keys": [name], "scripts": [{**SCRIPT, "name": name}]}
    values = {"volumes": [{"name": name, "size_gib": 1}], "cloud_init": guest, "vcpus": 2, "memory_mib": 4096}
    row = _made(project, instance.image, subnet, [], name, instance.created_by, name, **values)
    type(instance).objects.filter(pk=instance.pk).update(launch_template=row)
    return {"hostile_template": str(row.pk)}


def _made(
    project: Any, source: Any, subnet: Any, groups: list[str], name: str, user: Any, note: str, **values: Any
) -> Any:
    from tests.factories import LaunchTemplateFactory

    content = {
        "description": "",
        "image": str(source.pk),
        "interfaces": [{"subnet": str(subnet.pk), "security_groups": groups}],
        "volumes": [],
        "filesystems": [],
        "cloud_init": {"username": "cloudia", "ssh_keys": [], "scripts": []},
        "start": True,
    }
    row = {"name": name, "description": note, "project": project, "created_by": user}
    return LaunchTemplateFactory.create(content={**content, **values}, **row)
