"""``manage.py setup [--image PATH] [--pool DIR]``: all that a first instance needs on this machine.

The networks it makes: networking/management/beginnings.py.
"""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import override

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.commands import refusals_as_command_errors
from cloudia.accounts.enums import Role
from cloudia.accounts.models import Project, User
from cloudia.accounts.services import member_set, project_create, user_create
from cloudia.core.terminal import in_terminal_language
from cloudia.hosts.models import Host
from cloudia.hosts.observed import describe_now
from cloudia.hosts.services import host_register
from instances.models import InstanceType
from instances.type_services import instance_type_create
from networking.management import beginnings
from storage.management.now import finish
from storage.models import StorageDomain
from storage.selectors import image_like
from storage.services.domains import storage_domain_attach, storage_domain_create
from storage.services.files import image_import, sha256

URI = "qemu:///system"
POOL = os.environ.get("CLOUDIA_POOL_DIR") or "/var/lib/cloudia/pool"
IMAGE_NAME = "CloudiA Tiny"
TYPES = (("Tiny", 1, 128), ("Small", 2, 4096), ("Medium", 4, 8192), ("Large", 8, 16384))  # name, vCPUs, MiB


class Command(BaseCommand):
    """Makes what is not there; whatever an operator has changed or removed since stays so."""

    help = "Register this machine, its storage, a guest image, a project and its network, types and an administrator."
    requires_system_checks = ()  # those of the web are not needed here

    def add_arguments(self, parser: CommandParser) -> None:
        """What to import, and where images and disks go."""
        parser.add_argument("--image", type=Path, help=f"disk image to import as “{IMAGE_NAME}”")
        parser.add_argument("--pool", default=POOL, help="folder for images and disks (default: %(default)s)")
        parser.add_argument("--uri", default=URI, help="this machine's libvirt (default: %(default)s)")

    @in_terminal_language
    @refusals_as_command_errors
    def handle(self, *args: Any, **options: Any) -> None:
        """Each step says what it made; nothing if it was all there."""
        self._ensure_operator()
        self._ensure_project()
        self._ensure_types()
        for said in beginnings.ensure_networks():
            self._say(said)
        host = self._ensure_host(options["uri"])
        if host is None:
            return
        self._ensure_connected(host)
        domain = self._ensure_domain(host, options["pool"])
        if domain and options["image"]:
            self._ensure_image(domain, Path(options["image"]))

    def _say(self, text: str) -> None:
        self.stdout.write(text)

    def _ensure_operator(self) -> None:
        if User.objects.filter(is_operator=True).exists():
            return
        user, password = user_create(actor=shell_actor(), username="admin", is_operator=True)
        self._say(
            _("Administrator: %(user)s, password: %(password)s (it is not shown again)")
            % {"user": user.username, "password": password}
        )

    def _ensure_project(self) -> None:
        if Project.objects.exists():
            return
        with override(settings.LANGUAGE_CODE):  # the console's language, whatever the terminal's
            name = _("Default project")
        project = project_create(actor=shell_actor(), name=name)
        for user in User.objects.filter(is_operator=True):
            member_set(actor=shell_actor(), project=project, user=user, role=Role.MANAGER)
        self._say(_("Project: %(name)s") % {"name": project})

    def _ensure_types(self) -> None:
        if InstanceType.objects.exists():
            return
        for name, vcpus, memory_mib in TYPES:
            instance_type_create(actor=shell_actor(), name=name, vcpus=vcpus, memory_mib=memory_mib)
        self._say(_("Instance types: %(names)s") % {"names": ", ".join(name for name, _vcpus, _memory in TYPES)})

    def _ensure_host(self, uri: str) -> Host | None:
        """This machine, registered if there is no host yet and described if it never was; None if it isn't one."""
        if not Host.objects.exists():
            host_register(actor=shell_actor(), name=socket.gethostname(), uri=uri)
        host = Host.objects.filter(uri=uri).first()
        if host and not host.cpus:
            describe_now(host)
            self._say(
                _("Host: %(host)s (%(cpus)s CPUs, %(memory)s MiB, %(accelerator)s)")
                % {
                    "host": host,
                    "cpus": host.cpus,
                    "memory": host.memory_mib,
                    "accelerator": host.accelerator.upper(),
                }
            )
        return host

    def _ensure_connected(self, host: Host) -> None:
        """Don't leave it to the watcher: the first instance may be asked for in a second."""
        if beginnings.is_connected(host) or os.environ.get("CLOUDIA_NETWORK") == "off":
            return
        if beginnings.connect(host):
            self._say(_("Network: %(host)s is chassis %(chassis)s") % {"host": host, "chassis": host.network.chassis})
        else:
            self._say(_("Network: %(host)s is not connected yet; see manage.py doctor") % {"host": host})

    def _ensure_domain(self, host: Host, path: str) -> StorageDomain | None:
        """The storage domain of this machine, made if there is none at all."""
        if not StorageDomain.objects.exists():
            storage_domain_create(actor=shell_actor(), name="local", path=path)
        domain = StorageDomain.objects.filter(path=path).first()
        if domain and not domain.attachments.exists():
            finish(storage_domain_attach(actor=shell_actor(), domain=domain, host=host))
            self._say(_("Storage domain: %(domain)s (%(path)s)") % {"domain": domain, "path": path})
        return domain

    def _ensure_image(self, domain: StorageDomain, path: Path) -> None:
        if image_like(IMAGE_NAME, sha256(path)):
            return
        release = platform.freedesktop_os_release()  # the image is made of this machine's packages
        image = image_import(
            actor=shell_actor(),
            path=path,
            name=IMAGE_NAME,
            replace=True,
            storage_domain=domain,
            os_type=release["ID"].title(),
            os_version=release.get("VERSION_ID", ""),
        )
        self._say(_("Image: %(image)s") % {"image": image})
