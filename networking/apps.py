"""Networking: VPCs and what is in them, on OVN."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NetworkingConfig(AppConfig):
    """Django's entry to the app."""

    name = "networking"
    verbose_name = _("Networks")

    def ready(self) -> None:
        """Tell the platform what this app adds to it."""
        from cloudia.accounts import provisioning  # noqa: PLC0415  # models are only loaded now
        from cloudia.hosts import placement  # noqa: PLC0415
        from cloudia.hosts.watcher import duties  # noqa: PLC0415
        from cloudia.jobs import registry  # noqa: PLC0415
        from networking import operations, watch  # noqa: PLC0415
        from networking.placement import has_network  # noqa: PLC0415
        from networking.services.groups import default_group  # noqa: PLC0415

        registry.register(*operations.ALL)
        duties.register(watch.NetworkDuty)
        placement.register(has_network)
        provisioning.register(default_group)
        self._add_quotas()
        self._add_pages()

    @staticmethod
    def _add_pages() -> None:
        from django.urls import reverse  # noqa: PLC0415  # models are only loaded now

        from cloudia.ui import links, nav, search  # noqa: PLC0415
        from networking.views import groups, subnets, vpcs  # noqa: PLC0415

        section = nav.Section.NETWORK
        nav.register_nav(section, "VPC", "router", "vpc-list", order=10)
        nav.register_nav(section, _("Subnets"), "network", "subnet-list", order=20)
        nav.register_nav(section, _("Security groups"), "shield-half", "group-list", order=30)
        nav.register_nav(section, _("Floating IPs"), "world", "floating-list", order=40)
        links.register("vpc", lambda pk: reverse("vpc-detail", args=[pk]))
        links.register("subnet", lambda pk: reverse("subnet-detail", args=[pk]))
        links.register("securitygroup", lambda pk: reverse("group-detail", args=[pk]))
        links.register("floatingip", lambda pk: reverse("floating-list"))
        links.register("trace", lambda pk: reverse("trace-detail", args=[pk]))
        search.register(search.Kind("VPC", "router", vpcs.find))
        search.register(search.Kind(_("Subnets"), "network", subnets.find))
        search.register(search.Kind(_("Security groups"), "shield-half", groups.find))

    @staticmethod
    def _add_quotas() -> None:
        from cloudia.accounts import quotas  # noqa: PLC0415  # models are only loaded now
        from networking import models  # noqa: PLC0415

        def counted(name: str, label: Any, default: int, model: Any, path: str = "project") -> None:
            count = lambda project: model.objects.filter(**{path: project}).count()  # noqa: E731  # it is an argument
            quotas.register(quotas.Resource(name, label, default, count))

        counted("vpcs", "VPC", 10, models.VPC)
        counted("subnets", _("Subnets"), 50, models.Subnet)
        counted("floating_ips", _("Floating IPs"), 20, models.FloatingIP)
        counted("security_groups", _("Security groups"), 50, models.SecurityGroup)
        rules = models.SecurityGroupRule
        counted("security_group_rules", _("Security group rules"), 1000, rules, "group__project")
