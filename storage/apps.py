"""Storage: domains, images and volumes."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StorageConfig(AppConfig):
    """Django's entry to the app."""

    name = "storage"
    verbose_name = _("Storage")

    def ready(self) -> None:
        """Tell the platform what this app adds to it."""
        from cloudia.hosts import observers, placement  # noqa: PLC0415  # models are only loaded now
        from cloudia.jobs import registry  # noqa: PLC0415
        from networking import policies as network_policies  # noqa: PLC0415
        from networking.querysets import SubnetQuerySet  # noqa: PLC0415
        from storage import (  # noqa: PLC0415
            domain_operations,
            filesystem_operations,
            garbage,
            image_operations,
            policies,
            references,
            selectors,
            volume_operations,
        )
        from storage.filesystem_observer import FileSystemObserver  # noqa: PLC0415
        from storage.filesystem_places import has_filesystems  # noqa: PLC0415
        from storage.observers import StorageObserver  # noqa: PLC0415
        from storage.placement import has_storage  # noqa: PLC0415

        registry.register(*volume_operations.ALL, *image_operations.ALL)
        registry.register(*domain_operations.ALL, *filesystem_operations.ALL)
        placement.register(has_storage)
        placement.register(has_filesystems)
        garbage.register_owner(garbage.volumes_own)
        garbage.register_owner(garbage.images_own)
        observers.register(StorageObserver())
        observers.register(FileSystemObserver())
        references.register("image", selectors.clones_of)
        network_policies.DELETE_SUBNET.rules.append(policies.serves_no_filesystem)
        SubnetQuerySet.also.append("filesystems")
        self._add_quotas()
        self._add_pages()

    @staticmethod
    def _add_pages() -> None:
        from django.urls import reverse  # noqa: PLC0415  # models are only loaded now

        from cloudia.ui import links, nav, search  # noqa: PLC0415
        from storage.views import domains, filesystems, images, volumes  # noqa: PLC0415

        section = nav.Section.STORAGE
        nav.register_nav(section, _("Images"), "disc", "image-list", order=10)
        nav.register_nav(section, _("Block storage"), "database", "volume-list", order=20)
        nav.register_nav(section, _("Storage domains"), "stack-2", "storagedomain-list", order=40)
        links.register("storagedomain", lambda pk: reverse("storagedomain-detail", args=[pk]))
        nav.register_nav(section, _("File systems"), "folders", "filesystem-list", order=30)
        links.register("image", lambda pk: reverse("image-detail", args=[pk]))
        links.register("volume", lambda pk: reverse("volume-detail", args=[pk]))
        search.register(search.Kind(_("Storage domains"), "stack-2", domains.find))
        links.register("filesystem", lambda pk: reverse("filesystem-detail", args=[pk]))
        search.register(search.Kind(_("Images"), "disc", images.find))
        search.register(search.Kind(_("Block storage"), "database", volumes.find))
        search.register(search.Kind(_("File systems"), "folders", filesystems.find))

    @staticmethod
    def _add_quotas() -> None:
        from cloudia.accounts import quotas  # noqa: PLC0415  # models are only loaded now
        from storage import selectors  # noqa: PLC0415

        quotas.register(quotas.Resource("volumes", _("Volumes"), 100, selectors.volume_count))
        quotas.register(quotas.Resource("volume_gib", _("Disk space (GiB)"), 10_000, selectors.volume_gib))
        quotas.register(quotas.Resource("images", _("Images"), 20, selectors.image_count))
