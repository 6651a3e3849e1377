"""Instances: the virtual machines that tenants rent."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InstancesConfig(AppConfig):
    """Django's entry to the app."""

    name = "instances"
    verbose_name = _("Instances")

    def ready(self) -> None:
        """Tell the platform what this app adds to it."""
        from cloudia.hosts import observers, usage  # noqa: PLC0415  # models are only loaded now
        from cloudia.jobs import registry  # noqa: PLC0415
        from instances import observations, operations, selectors  # noqa: PLC0415

        registry.register(*operations.ALL)
        usage.register(selectors.usage_by_host)
        observers.register(observations.InstanceObserver())
