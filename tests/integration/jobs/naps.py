"""An app with one operation for real workers: it sleeps."""

from __future__ import annotations

from django.apps import AppConfig


class NapsConfig(AppConfig):
    """Registers the operation; its module needs the models."""

    name = "tests.integration.jobs.naps"
    label = "naps"

    def ready(self) -> None:
        """As the real apps do."""
        from cloudia.jobs import registry
        from tests.integration.jobs.nap import Nap

        registry.register(Nap)
