"""``manage.py attach_storage DOMAIN HOST [--kind KIND --path DIR ...]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.commands import refusals_as_command_errors
from cloudia.core.terminal import in_terminal_language
from cloudia.hosts.models import Host
from storage.attachments import record_pool
from storage.enums import DomainKind, Media
from storage.management.now import finish
from storage.models import StorageAttachment, StorageDomain
from storage.pools import pool_again
from storage.services.domains import storage_domain_attach, storage_domain_create

PLACES = ("path", "server", "source", "username")


class Command(BaseCommand):
    """Give a host a storage domain."""

    help = "Make a storage domain's pool on a host; what a new one is, the options say. Harmless twice."
    requires_system_checks = ()  # those of the web are not needed here

    def add_arguments(self, parser: CommandParser) -> None:
        """Which storage to which host, and what it is if it is new."""
        parser.add_argument("domain")
        parser.add_argument("host")
        parser.add_argument("--kind", choices=DomainKind.values, help="of a new storage domain (default: dir)")
        parser.add_argument("--path", help="dir, shared_dir: the directory on the host")
        parser.add_argument("--shared", action="store_true", help="the same as --kind shared_dir")
        parser.add_argument("--server", help="nfs: the server; rbd: the monitors, separated by commas")
        parser.add_argument("--source", help="nfs: the export; lvm: the volume group; rbd: the pool")
        parser.add_argument("--username", help="rbd: the user, without “client.”")
        parser.add_argument("--secret-file", help="rbd: the file with the user's key; - for standard input")
        parser.add_argument("--media", choices=Media.values, default=Media.SSD)

    @in_terminal_language
    @refusals_as_command_errors
    def handle(self, *args: Any, **options: Any) -> None:
        """Say how much room there is."""
        host = Host.objects.filter(name=options["host"]).first()
        if host is None:
            raise CommandError(_("There is no host named %(name)s.") % {"name": options["host"]})
        attachment = _attached(_domain(options), host)
        free = {"domain": attachment.domain, "host": host, "free": attachment.available_bytes / 2**30}
        self.stdout.write(_("%(domain)s is on %(host)s: %(free).1f GiB free") % free)


def _attached(domain: StorageDomain, host: Host) -> StorageAttachment:
    """The storage domain on the host; if it was there before, its pool is mended as the watcher would."""
    known = StorageAttachment.objects.filter(domain=domain, host=host)
    if known.exists():
        return record_pool(domain, host, pool_again(domain, host))
    finish(storage_domain_attach(actor=shell_actor(), domain=domain, host=host))
    return known.select_related("domain").get()


def _domain(options: dict[str, Any]) -> StorageDomain:
    name, given = options["domain"], {place: options[place] for place in PLACES if options[place]}
    if domain := StorageDomain.objects.filter(name=name).first():
        return domain
    if not given:
        raise CommandError(_("There is no storage domain named %(name)s. Give --path for a new one.") % {"name": name})
    kind = options["kind"] or (DomainKind.SHARED_DIR if options["shared"] else DomainKind.DIR)
    secret = _secret(options["secret_file"])
    return storage_domain_create(
        actor=shell_actor(), name=name, kind=kind, media=options["media"], secret=secret, **given
    )


def _secret(place: str | None) -> str:
    """Never from the command line, where every user of the machine could read it."""
    if not place:
        return ""
    try:
        return (sys.stdin.read() if place == "-" else Path(place).read_text()).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--secret-file: {error}") from None
