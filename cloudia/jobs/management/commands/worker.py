"""``manage.py worker``: run jobs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from cloudia.jobs.cluster import Keeper


class Command(BaseCommand):
    """Any number, one per machine."""

    help = "Run jobs until SIGTERM or SIGINT. CLOUDIA_WORKERS says how many at a time."
    requires_system_checks = ()  # those of the web are not needed here

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        Keeper().run()
