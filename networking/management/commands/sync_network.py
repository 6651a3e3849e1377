"""``manage.py sync_network [--dry-run] [--force]``: make OVN say what the database says, now and on one's own word."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from cloudia.accounts.commands import refusals_as_command_errors
from cloudia.core.terminal import in_terminal_language
from networking.ovn import ForeignNetwork, TooManyDeletions
from networking.sync import drift, synchronise

HELP = """\
Compare OVN's northbound database with CloudiA's, and write what differs. The watcher does this by itself; here one
sees what it would do (--dry-run), or overrides the two cases in which it refuses (--force): the network carries the
mark of another installation, or more than half of CloudiA's rows in it would be deleted at once. Both mean, more often
than not, that this CloudiA looks at the wrong database or was restored from an old copy: check DATABASE_URL and
CLOUDIA_OVN_NB before. Rows that CloudiA did not make are never touched."""


class Command(BaseCommand):
    """Prints each difference: + made, ~ mended, - removed."""

    help = HELP
    requires_system_checks = ()  # those of the web are not needed here

    def add_arguments(self, parser: CommandParser) -> None:
        """Look only, or override."""
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--dry-run", action="store_true", help="print the differences; write nothing")
        choice.add_argument("--force", action="store_true", help="take the network over, and delete whatever has to go")

    @in_terminal_language
    @refusals_as_command_errors
    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status 1 where OVN does not answer or the network is not touched."""
        try:
            changes = drift() if options["dry_run"] else synchronise(force=options["force"])
        except (ForeignNetwork, TooManyDeletions) as error:
            advice = _("Look with --dry-run at what would change. If that is what you want, repeat with --force.")
            raise CommandError(f"{error}\n{advice}") from None
        for change in changes:
            self.stdout.write(str(change))
        if not changes:
            self.stdout.write(_("The network is as it shall be."))
