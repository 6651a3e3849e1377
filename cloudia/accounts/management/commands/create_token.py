"""``manage.py create_token USER [--name NAME] [--days DAYS] [--read-only]``."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.commands import refusals_as_command_errors, user_named
from cloudia.accounts.models import ApiToken
from cloudia.accounts.services import DEFAULT_LIFE, LONGEST_LIFE, token_create


def _days(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < LONGEST_LIFE.days:
        raise ArgumentTypeError(f"must be from 1 to {LONGEST_LIFE.days - 1}")
    return int(text)


class Command(BaseCommand):
    """Make an API token."""

    help = "Create an API token and print it: this is the only time it can be read."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose token, its name, how long and how far it reaches."""
        parser.add_argument("user", help="user name")
        parser.add_argument("--name", default="manage.py", help="what it is for")
        parser.add_argument("--days", type=_days, default=DEFAULT_LIFE.days, help="how long it is valid (1-365)")
        parser.add_argument("--read-only", action="store_true")

    @refusals_as_command_errors
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token."""
        _token, plain = token_create(
            actor=shell_actor(),
            user=user_named(options["user"]),
            name=options["name"],
            scope=ApiToken.Scope.READ if options["read_only"] else ApiToken.Scope.WRITE,
            expires_at=timezone.now() + timedelta(days=options["days"]),
        )
        self.stdout.write(plain)
