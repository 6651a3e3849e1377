"""``manage.py register_host NAME URI [--accelerator ...] [--username ... --password-file ...]``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.commands import refusals_as_command_errors
from cloudia.core.terminal import in_terminal_language
from cloudia.hosts.enums import AcceleratorChoice
from cloudia.hosts.observed import describe_now
from cloudia.hosts.services import host_register


class Command(BaseCommand):
    """Make a machine with libvirt known."""

    help = "Register a host by its libvirt URI, like qemu:///system or qemu+tls://kvm-01/system."
    requires_system_checks = ()  # those of the web are not needed here

    def add_arguments(self, parser: CommandParser) -> None:
        """Its name, where it is, how guests run there, and how to log in."""
        parser.add_argument("name")
        parser.add_argument("uri")
        parser.add_argument("--accelerator", choices=AcceleratorChoice.values, default=AcceleratorChoice.AUTO)
        parser.add_argument("--username", default="", help="for SASL")
        # Not as an argument: every user of the machine can read those.
        parser.add_argument("--password-file", type=Path, help="file with the SASL password")

    @in_terminal_language
    @refusals_as_command_errors
    def handle(self, *args: Any, **options: Any) -> None:
        """Register it, and say what it is if it answers."""
        file: Path | None = options["password_file"]
        host = host_register(
            actor=shell_actor(),
            name=options["name"],
            uri=options["uri"],
            username=options["username"],
            password=file.read_text().strip() if file else "",
            accelerator=options["accelerator"],
        )
        self.stdout.write(_("Host %(host)s is registered.") % {"host": host})
        describe_now(host)
        facts = {"cpus": host.cpus, "memory": host.memory_mib, "accelerator": host.accelerator.upper()}
        self.stdout.write(_("%(cpus)s CPUs, %(memory)s MiB, %(accelerator)s") % facts)
