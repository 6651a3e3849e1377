"""``manage.py storage_garbage [--domain NAME] [--delete ID ...]``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.commands import refusals_as_command_errors
from cloudia.core.ids import is_uuid
from cloudia.core.terminal import in_terminal_language
from storage.management.now import finish
from storage.models import StorageDomain, StrayFile
from storage.services.domains import storage_domain_clean, storage_domain_scan


class Command(BaseCommand):
    """Show what is left over, or delete what was chosen of it."""

    help = "Compare files of storage domains with what is known of them; with --delete remove left files by their ids."
    requires_system_checks = ()  # those of the web are not needed here

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to look, and what to delete."""
        parser.add_argument("--domain", help="storage domain (default: all that a host has)")
        parser.add_argument("--delete", nargs="+", metavar="ID", help="ids as the report prints them")

    @in_terminal_language
    @refusals_as_command_errors
    def handle(self, *args: Any, **options: Any) -> None:
        """One line for each stray file: id, kind, size in bytes, since when, name."""
        if options["delete"]:
            _delete(options["delete"])
            return
        for domain in _domains(options["domain"]):
            finish(storage_domain_scan(actor=shell_actor(), domain=domain))
            for stray in domain.strays.all():
                line = (str(stray.pk), stray.kind, str(stray.size_bytes), stray.seen_at.isoformat(timespec="seconds"))
                self.stdout.write("\t".join((*line, domain.name, repr(stray.name)[1:-1], stray.holder_name)))


def _domains(name: str | None) -> list[StorageDomain]:
    rows = StorageDomain.objects.filter(attachments__isnull=False).distinct()
    if name is None:
        return list(rows)
    domain = rows.filter(name=name).first()
    if domain is None:
        raise CommandError(_("No host has a storage domain named %(name)s.") % {"name": name})
    return [domain]


def _delete(ids: list[str]) -> None:
    strays = StrayFile.objects.filter(pk__in=filter(is_uuid, ids)).select_related("domain")
    if len(strays) < len(set(ids)):
        raise CommandError(_("A file is no longer in the report."))
    for domain in {stray.domain for stray in strays}:
        chosen = [stray for stray in strays if stray.domain == domain]
        finish(storage_domain_clean(actor=shell_actor(), domain=domain, files=chosen))
