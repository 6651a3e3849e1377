"""``manage.py attach_storage DOMAIN HOST [--path DIR [--shared]]``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.commands import refusals_as_command_errors
from cloudia.core.terminal import in_terminal_language
from cloudia.hosts.models import Host
from storage.enums import DomainKind
from storage.models import StorageDomain
from storage.services.domains import storage_domain_attach, storage_domain_create


class Command(BaseCommand):
    """Give a host a storage domain."""

    help = "Make a storage domain's pool on a host; with --path the domain is created if it is new. Harmless twice."
    requires_system_checks = ()  # those of the web are not needed here

    def add_arguments(self, parser: CommandParser) -> None:
        """Which storage to which host, and what it is if it is new."""
        parser.add_argument("domain")
        parser.add_argument("host")
        parser.add_argument("--path", help="folder on the host, for a new domain")
        parser.add_argument("--shared", action="store_true", help="every attached host mounts the same folder there")

    @in_terminal_language
    @refusals_as_command_errors
    def handle(self, *args: Any, **options: Any) -> None:
        """Say how much room there is."""
        host = Host.objects.filter(name=options["host"]).first()
        if host is None:
            raise CommandError(_("There is no host named %(name)s.") % {"name": options["host"]})
        domain = _domain(options["domain"], options["path"], shared=options["shared"])
        attachment = storage_domain_attach(actor=shell_actor(), domain=domain, host=host)
        free = {"domain": domain, "host": host, "free": attachment.available_bytes / 2**30}
        self.stdout.write(_("%(domain)s is on %(host)s: %(free).1f GiB free") % free)


def _domain(name: str, path: str | None, *, shared: bool) -> StorageDomain:
    domain = StorageDomain.objects.filter(name=name).first()
    if domain:
        return domain
    if path is None:
        raise CommandError(_("There is no storage domain named %(name)s. Give --path for a new one.") % {"name": name})
    kind = DomainKind.SHARED_DIR if shared else DomainKind.DIR
    return storage_domain_create(actor=shell_actor(), name=name, path=path, kind=kind)
