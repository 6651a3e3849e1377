"""Storage: domains, images and volumes."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StorageConfig(AppConfig):
    """Django's entry to the app."""

    name = "storage"
    verbose_name = _("Storage")

    def ready(self) -> None:
        """Tell the platform what this app adds to it."""
        from cloudia.hosts import observers  # noqa: PLC0415  # models are only loaded now
        from storage.observers import StorageObserver  # noqa: PLC0415

        observers.register(StorageObserver())
