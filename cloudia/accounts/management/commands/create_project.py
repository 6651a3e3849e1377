"""``manage.py create_project NAME [--manager USER]``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.commands import refusals_as_command_errors, user_named
from cloudia.accounts.enums import Role
from cloudia.accounts.services import member_set, project_create


class Command(BaseCommand):
    """Make a project."""

    help = "Create a project, and make a user its manager."

    def add_arguments(self, parser: CommandParser) -> None:
        """The name, and who manages it."""
        parser.add_argument("name")
        parser.add_argument("--description", default="")
        parser.add_argument("--manager", metavar="USER", help="user name of its first manager")

    @refusals_as_command_errors
    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the new project's id."""
        manager = user_named(options["manager"]) if options["manager"] else None
        project = project_create(actor=shell_actor(), name=options["name"], description=options["description"])
        if manager:
            member_set(actor=shell_actor(), project=project, user=manager, role=Role.MANAGER)
        self.stdout.write(str(project.pk))
