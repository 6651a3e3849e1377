"""``manage.py import_image PATH --name NAME [--domain NAME] [--project NAME] [--os-type ...] [--os-version ...]``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.commands import refusals_as_command_errors
from cloudia.accounts.models import Project
from cloudia.core.terminal import in_terminal_language
from storage.models import StorageDomain
from storage.services.files import image_import


class Command(BaseCommand):
    """Bring in a disk image."""

    help = "Import a disk image (qcow2, raw, VMDK, VHDX, VHD, VDI), for every project or for one. Harmless twice."
    requires_system_checks = ()  # those of the web are not needed here

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, what it is called, where it goes and whose it is."""
        parser.add_argument("path", type=Path)
        parser.add_argument("--name", required=True)
        parser.add_argument("--domain", help="storage domain; not needed if there is one only")
        parser.add_argument("--project", help="default: public")
        parser.add_argument("--os-type", default="", help="Debian, Ubuntu, Windows, ...")
        parser.add_argument("--os-version", default="")

    @in_terminal_language
    @refusals_as_command_errors
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the image's id."""
        image = image_import(
            actor=shell_actor(),
            path=options["path"],
            name=options["name"],
            storage_domain=_domain(options["domain"]),
            project=_project(options["project"]),
            os_type=options["os_type"],
            os_version=options["os_version"],
        )
        self.stdout.write(str(image.pk))


def _domain(name: str | None) -> StorageDomain:
    domains = StorageDomain.objects.all() if name is None else StorageDomain.objects.filter(name=name)
    if len(found := list(domains[:2])) != 1:
        known = ", ".join(StorageDomain.objects.values_list("name", flat=True))
        raise CommandError(_("Name a storage domain with --domain: %(known)s") % {"known": known or "-"})
    return found[0]


def _project(name: str | None) -> Project | None:
    if name is None:
        return None
    project = Project.objects.filter(name=name).first()
    if project is None:
        raise CommandError(_("There is no project named %(name)s.") % {"name": name})
    return project
