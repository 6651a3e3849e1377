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
        from instances import (  # noqa: PLC0415
            disk_operations,
            edit_operations,
            gpus,
            holders,
            observations,
            operations,
            orphans,
            quotas,
            seed,
            selectors,
        )
        from instances.disk_policies import DISK_ACTIONS  # noqa: PLC0415
        from storage import garbage, policies, references  # noqa: PLC0415
        from storage.querysets import VolumeQuerySet  # noqa: PLC0415

        registry.register(*operations.ALL, *disk_operations.ALL, *edit_operations.ALL)
        policies.VOLUME_ACTIONS[1:1] = DISK_ACTIONS
        VolumeQuerySet.joins += [f"attachment__instance__{name}" for name in ("host", "current_job", "project")]
        usage.register(selectors.usage_by_host)
        usage.register(gpus.usage_by_host)
        garbage.register_owner(seed.seeds_own)
        observers.register(observations.InstanceObserver())
        observers.register(orphans.OrphanObserver())
        references.register("image", holders.made_of)
        references.register("volume", holders.having)
        references.register("filesystem", holders.mounting)
        references.register("storageattachment", holders.using_there)
        quotas.register()
        self._add_pages()

    @staticmethod
    def _add_pages() -> None:
        from django.urls import reverse  # noqa: PLC0415  # models are only loaded now

        from cloudia.ui import links, nav, search, tabs  # noqa: PLC0415
        from instances.views.lists import find  # noqa: PLC0415

        nav.register_nav(nav.Section.COMPUTE, _("Instances"), "server-2", "instance-list", order=10)
        nav.register_nav(nav.Section.COMPUTE, _("Instance types"), "cpu", "type-list", order=20)
        nav.register_nav(nav.Section.COMPUTE, _("Launch templates"), "template", "template-list", order=30)
        icon = "layout-distribute-horizontal"
        nav.register_nav(nav.Section.COMPUTE, _("Affinity groups"), icon, "affinity-list", order=40)
        links.register("instance", lambda pk: reverse("instance-detail", args=[pk]))
        links.register("owner", lambda url: url)
        search.register(search.Kind(_("Instances"), "server-2", find))
        network = tabs.TabSpec("interfaces", _("Network interfaces"), "instance-interfaces", order=10)
        tabs.register_tab("instance", network)
        tabs.register_tab("instance", tabs.TabSpec("disks", _("Disks"), "instance-disks", order=20))
        filesystems = tabs.TabSpec("filesystems", _("File systems"), "instance-filesystems", order=30)
        tabs.register_tab("instance", filesystems)
        tabs.register_tab("instance", tabs.TabSpec("floating", _("Floating IP"), "instance-floating-ips", order=60))
        tabs.register_tab("instance", tabs.TabSpec("affinity", _("Affinity group"), "instance-affinity", order=70))
        tabs.register_tab("instance", tabs.TabSpec("scripts", _("User scripts"), "instance-scripts", order=80))
        tabs.register_tab("instance", tabs.TabSpec("jobs", _("Jobs"), "instance-jobs", order=90))
