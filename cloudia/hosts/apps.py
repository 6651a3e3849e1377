"""Hosts (물리 머신): the machines that run guests, where new ones fit, and what is observed on them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HostsConfig(AppConfig):
    """Django's entry to the app."""

    name = "cloudia.hosts"
    label = "hosts"
    verbose_name = _("Hosts")

    def ready(self) -> None:
        """Add the operators' page of hosts to the console."""
        from cloudia.ui import nav  # noqa: PLC0415  # models are only loaded now

        section = nav.Section.OPERATIONS
        nav.register_nav(section, _("Hosts"), "server", "host-list", order=20, operator_only=True)
