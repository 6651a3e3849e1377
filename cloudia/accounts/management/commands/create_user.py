"""``manage.py create_user NAME [--operator | --service [--origin ORIGIN]]``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.commands import refusals_as_command_errors
from cloudia.accounts.enums import Origin
from cloudia.accounts.services import service_account_create, user_create


class Command(BaseCommand):
    """Make a person, an operator or a service account."""

    help = "Create a user with a generated password, which is printed this once, or a service account."

    def add_arguments(self, parser: CommandParser) -> None:
        """The name, and which kind of account."""
        parser.add_argument("name")
        parser.add_argument("--display-name", default="")
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument("--operator", action="store_true", help="may see and manage everything")
        kind.add_argument("--service", action="store_true", help="an account for programs: tokens, no password")
        parser.add_argument(
            "--origin", choices=Origin.values, default=Origin.MANUAL, help="whose instances a service account manages"
        )

    @refusals_as_command_errors
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the password of a person, the id of a service account."""
        actor, names = shell_actor(), {"username": options["name"], "display_name": options["display_name"]}
        if options["service"]:
            self.stdout.write(str(service_account_create(actor=actor, origin=Origin(options["origin"]), **names).pk))
        else:
            self.stdout.write(user_create(actor=actor, is_operator=options["operator"], **names)[1])
