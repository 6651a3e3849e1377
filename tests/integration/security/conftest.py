"""A tenant, and a stranger to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.accounts.services import token_create
from tests.factories import (
    AffinityGroupFactory,
    BootDiskFactory,
    FileSystemFactory,
    FloatingIPFactory,
    ImageFactory,
    InstanceTypeFactory,
    InterfaceFactory,
    LaunchTemplateFactory,
    MembershipFactory,
    RuleFactory,
    StorageDomainFactory,
    TraceFactory,
    VolumeFactory,
    hold,
)


def browser_of(user: User, **options: Any) -> Client:
    """A browser, logged in."""
    client = Client(**options)
    client.force_login(user, backend="cloudia.accounts.backends.PeopleBackend")
    return client


@pytest.fixture
def owner(db: None) -> User:
    """The manager of the tenant."""
    return MembershipFactory.create().user


@pytest.fixture
def stranger(db: None) -> User:
    """The manager of another one."""
    return MembershipFactory.create().user


@pytest.fixture
def objects(owner: User) -> dict[str, str]:
    """The owner's objects: an id by resource."""
    project = owner.projects.get()
    instance = BootDiskFactory.create(instance__project=project).instance
    token, _plain = token_create(actor=Actor(owner), user=owner, name="ci")
    group = RuleFactory.create(group__project=project).group
    interface = InterfaceFactory.create(instance=instance, groups=[group]).interface
    floating = FloatingIPFactory.create(project=project)
    return {
        "instances": str(instance.pk),
        "jobs": str(hold(instance).pk),
        "projects": str(project.pk),
        "filesystems": str(FileSystemFactory.create(project=project).pk),
        "volumes": str(VolumeFactory.create(project=project).pk),
        "storage-domains": str(StorageDomainFactory.create().pk),
        "images": str(ImageFactory.create(project=project).pk),
        "affinity-groups": str(AffinityGroupFactory.create(project=project).pk),
        "instance-types": str(InstanceTypeFactory.create(project=project).pk),
        "launch-templates": str(LaunchTemplateFactory.create(project=project).pk),
        "tokens": str(token.pk),
        "hosts": str(instance.host_id),
        "vpcs": str(interface.subnet.vpc_id),
        "subnets": str(interface.subnet_id),
        "interfaces": str(interface.pk),
        "security-groups": str(group.pk),
        "floating-ips": str(floating.pk),
        "traces": str(TraceFactory.create(source=interface).pk),
        "external-networks": str(floating.external_network_id),
    }
