"""Addresses of the pages about storage."""

from __future__ import annotations

from django.urls import path

from storage.views import domains, filesystems, garbage, images, uploads, volumes

urlpatterns = [
    path("images/", images.image_list, name="image-list"),
    path("images/upload/", uploads.image_upload, name="image-upload"),
    path("images/import/", uploads.image_fetch, name="image-import"),
    path("images/<uuid:pk>/", images.image_detail, name="image-detail"),
    path("images/<uuid:pk>/row/", images.image_row, name="image-row"),
    path("images/<uuid:pk>/edit/", images.image_edit, name="image-edit"),
    path("images/<uuid:pk>/delete/", images.image_delete, name="image-delete"),
    path("volumes/", volumes.volume_list, name="volume-list"),
    path("volumes/new/", volumes.volume_create, name="volume-create"),
    path("volumes/<uuid:pk>/", volumes.volume_detail, name="volume-detail"),
    path("volumes/<uuid:pk>/row/", volumes.volume_row, name="volume-row"),
    path("volumes/<uuid:pk>/edit/", volumes.volume_edit, name="volume-edit"),
    path("volumes/<uuid:pk>/delete/", volumes.volume_delete, name="volume-delete"),
    path("storage-domains/", domains.domain_list, name="storagedomain-list"),
    path("storage-domains/new/", domains.domain_create, name="storagedomain-create"),
    path("storage-domains/<uuid:pk>/", domains.domain_detail, name="storagedomain-detail"),
    path("storage-domains/<uuid:pk>/edit/", domains.domain_edit, name="storagedomain-edit"),
    path("storage-domains/<uuid:pk>/delete/", domains.domain_delete, name="storagedomain-delete"),
    path("storage-domains/<uuid:pk>/attach/", domains.domain_attach, name="storagedomain-attach"),
    path("storage-domains/<uuid:pk>/hosts/<uuid:host>/detach/", domains.domain_detach, name="storagedomain-detach"),
    path("storage-domains/<uuid:pk>/hosts/<uuid:host>/forget/", domains.domain_forget, name="storagedomain-forget"),
    path("storage-domains/<uuid:pk>/files/", garbage.domain_garbage, name="storagedomain-garbage"),
    path("storage-domains/<uuid:pk>/files/scan/", garbage.domain_scan, name="storagedomain-scan"),
    path("storage-domains/<uuid:pk>/files/clean/", garbage.domain_clean, name="storagedomain-clean"),
    path("filesystems/", filesystems.filesystem_list, name="filesystem-list"),
    path("filesystems/new/", filesystems.filesystem_create, name="filesystem-create"),
    path("filesystems/<uuid:pk>/", filesystems.filesystem_detail, name="filesystem-detail"),
    path("filesystems/<uuid:pk>/row/", filesystems.filesystem_row, name="filesystem-row"),
    path("filesystems/<uuid:pk>/edit/", filesystems.filesystem_edit, name="filesystem-edit"),
    path("filesystems/<uuid:pk>/delete/", filesystems.filesystem_delete, name="filesystem-delete"),
]
