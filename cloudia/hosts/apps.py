"""Hosts (물리 머신): the machines that run guests, where new ones fit, and what is observed on them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HostsConfig(AppConfig):
    """Django's entry to the app."""

    name = "cloudia.hosts"
    label = "hosts"
    verbose_name = _("Hosts")
