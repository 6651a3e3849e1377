"""Fills the stack's database: two lab hosts with one shared storage domain, the tiny image, a network, a project.

Run as a program of its own (``python -m tests.e2e.seed``), because the stack has a database of its own.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

PASSWORD = "correct horse battery staple"  # of people who live as long as a test session
GIB = 2**30


def main() -> None:
    """Read what to make from standard input, write the tokens of the people made to standard output."""
    django.setup()
    wanted = json.load(sys.stdin)
    json.dump(fill(**wanted), sys.stdout)


def fill(hosts: dict[str, str], shared_dir: str, image: str, external: str) -> dict[str, str]:
    """Hosts by name with their URIs, ``external`` the first three bytes of the outer /24.

    Returns the tokens by role, and the ids of project, images and subnet.
    """
    from cloudia.accounts.models import User  # after django.setup
    from tests.factories import InstanceTypeFactory, ProjectFactory

    project = ProjectFactory.create(name="커머스 운영")
    InstanceTypeFactory.create(name="Tiny", vcpus=1, memory_mib=96)
    InstanceTypeFactory.create(name="Small", vcpus=2, memory_mib=4096)
    rows = [_host(name, uri) for name, uri in hosts.items()]
    images = _images(shared_dir, rows, Path(image))
    operator = User.objects.create_superuser("operator", PASSWORD)
    answer = {role: _member(project, role) for role in ("viewer", "operator", "manager")}
    ids = {"project": str(project.pk), "subnet": _subnet(project, external)}
    return {**answer, **images, "admin": _token(operator), **ids}


def _host(name: str, uri: str) -> Any:
    from cloudia.hosts.models import Host

    return Host.objects.create(name=name, uri=uri, reserved_memory_mib=512, vcpu_ratio=16)


def _images(shared_dir: str, hosts: list[Any], path: Path) -> dict[str, str]:
    """The tiny guest, and a blank disk for tests that need many guests at once: these find nothing to boot and rest."""
    from cloudia.virt import PoolSpec, hypervisor
    from storage.enums import DomainKind
    from tests.factories import ImageFactory, StorageDomainFactory

    domain = StorageDomainFactory.create(name="shared", kind=DomainKind.SHARED_DIR, path=shared_dir, hosts=hosts)
    image = ImageFactory.create(
        name="CloudiA Tiny", os_type="Linux", os_version="6.1", storage_domain=domain, virtual_bytes=GIB // 16
    )
    for host in hosts:
        hypervisor(host.endpoint).pools.ensure(PoolSpec(domain.pool_name, domain.pk, path=domain.path))
    volumes = hypervisor(hosts[0].endpoint).volumes
    with path.open("rb") as source:
        volumes.upload(domain.pool_name, image.volume_name, source, path.stat().st_size, image.virtual_bytes)
    blank = ImageFactory.create(name="blank", storage_domain=domain, virtual_bytes=GIB // 16)
    volumes.ensure_empty(domain.pool_name, blank.volume_name, blank.virtual_bytes)
    return {"tiny": str(image.pk), "blank": str(blank.pk)}


def _subnet(project: Any, external: str) -> str:
    """A VPC with a way out and a subnet, and the group that a form chooses beforehand."""
    from cloudia.accounts.actor import shell_actor
    from networking.services.external import external_network_create
    from networking.services.groups import default_group
    from networking.services.subnets import subnet_create
    from networking.services.vpcs import vpc_create

    actor = shell_actor()
    external_network_create(
        actor=actor, name="public", cidr=f"{external}.0/24", first_address=f"{external}.50", is_default=True
    )
    default_group(project)
    vpc = vpc_create(actor=actor, project=project, name="commerce-vpc")
    return str(subnet_create(actor=actor, vpc=vpc, name="subnet-app", cidr="10.20.1.0/24").pk)


def _member(project: Any, role: str) -> str:
    from cloudia.accounts.models import User
    from tests.factories import MembershipFactory

    user = User.objects.create_user(f"the-{role}", PASSWORD)
    MembershipFactory.create(project=project, user=user, role=role)
    return _token(user)


def _token(user: Any) -> str:
    from django.utils import timezone

    from cloudia.accounts.actor import Actor
    from cloudia.accounts.models import ApiToken
    from cloudia.accounts.services import token_create

    expires_at = timezone.now() + timedelta(days=1)
    _row, plain = token_create(
        actor=Actor(user), user=user, name="tests", scope=ApiToken.Scope.WRITE, expires_at=expires_at
    )
    return plain


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudia.settings")
    main()
