"""The networks that an installation begins with, for ``manage.py setup``: a way out, and a VPC with a subnet."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from ipaddress import IPv4Network

from django.utils.translation import gettext as _

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.models import Project
from cloudia.core.errors import CloudiaError
from cloudia.hosts.models import Host
from networking.models import VPC, ExternalNetwork, HostNetwork
from networking.services.external import external_network_create
from networking.services.groups import default_group
from networking.services.subnets import subnet_create
from networking.services.vpcs import vpc_create
from networking.watch import record_hosts

# deploy/external.py gives the bridge of this physical network the first address of the range.
EXTERNAL_CIDR = os.environ.get("CLOUDIA_EXTERNAL_CIDR") or "198.51.100.0/24"
EXTERNAL, NAME = "public", "default"
SUBNET = IPv4Network("10.0.0.0/24")
JOIN_S, LOOK_S = 5.0, 0.2  # a fresh ovn-controller joins within a second


def ensure_networks() -> Iterator[str]:
    """Make what is not there, and say what was made; whatever an operator has removed since stays so."""
    if not ExternalNetwork.objects.exists():
        network = external_network_create(
            actor=shell_actor(), name=EXTERNAL, cidr=EXTERNAL_CIDR, physical_network=EXTERNAL, is_default=True
        )
        yield _("External network: %(name)s (%(range)s)") % {"name": network, "range": network.cidr}
    project = Project.objects.order_by("created_at").first()
    if project and not VPC.objects.exists():
        yield _vpc_with_subnet(project)


def _vpc_with_subnet(project: Project) -> str:
    vpc = vpc_create(actor=shell_actor(), project=project, name=NAME)
    subnet = subnet_create(actor=shell_actor(), vpc=vpc, name=NAME, cidr=SUBNET)
    default_group(project)  # projects of before there were networks have none
    words = {"vpc": vpc, "range": subnet.cidr, "project": project}
    return _("VPC of %(project)s: %(vpc)s, with subnet %(range)s") % words


def is_connected(host: Host) -> bool:
    """Whether guests of ``host`` can have a network."""
    return HostNetwork.objects.filter(host=host).exists()


def connect(host: Host) -> bool:
    """Ask OVN for ``host`` as the watcher does, waiting a little for one that has just joined; whether it is there."""
    deadline = time.monotonic() + JOIN_S
    while time.monotonic() < deadline:
        try:
            record_hosts()
        except CloudiaError:
            return False  # whoever looks after networks records why
        if is_connected(host):
            host.refresh_from_db()
            return True
        time.sleep(LOOK_S)
    return False
