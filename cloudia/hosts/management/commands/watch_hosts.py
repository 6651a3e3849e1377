"""``manage.py watch_hosts``: keep the database true to what happens on hosts."""

from __future__ import annotations

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand

from cloudia.hosts.watcher import Watcher


class Command(BaseCommand):
    """Any number, anywhere: one leads, the others take over within seconds."""

    help = "Follow every host and deliver again what the job queue lost, until SIGTERM or SIGINT."
    requires_system_checks = ()  # those of the web are not needed here

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        Watcher().run()
