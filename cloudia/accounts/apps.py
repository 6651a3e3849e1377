"""Accounts: people, service accounts, projects, tokens and the audit trail."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Django's entry to the app."""

    name = "cloudia.accounts"
    label = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        """Listen to log-ins."""
        from cloudia.accounts import signals  # noqa: F401, PLC0415  # models are only loaded now
