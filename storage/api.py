"""Storage below ``/api/v1/``."""

from __future__ import annotations

from cloudia.api.router import router
from storage.domain_api import StorageDomainViewSet
from storage.filesystem_api import FileSystemViewSet
from storage.image_api import ImageViewSet
from storage.upload_api import UploadViewSet

router.register("images/uploads", UploadViewSet, basename="upload")  # before images, whose ids it is not
router.register("images", ImageViewSet, basename="image")
router.register("storage-domains", StorageDomainViewSet, basename="storage-domain")
router.register("filesystems", FileSystemViewSet, basename="filesystem")
