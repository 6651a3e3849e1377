"""Storage: domains, images and volumes."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StorageConfig(AppConfig):
    """Django's entry to the app."""

    name = "storage"
    verbose_name = _("Storage")
