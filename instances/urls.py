"""Addresses of the pages of instances."""

from __future__ import annotations

from django.urls import path

from instances.views import (
    actions,
    affinity,
    create,
    create_rows,
    detail,
    disks,
    edit,
    interfaces,
    lists,
    mounts,
    scripts,
)

urlpatterns = [
    path("", lists.instance_list, name="instance-list"),
    path("export.csv", lists.instance_export, name="instance-export"),
    path("new/", create.instance_create, name="instance-create"),
    path("new/summary/", create.instance_summary, name="instance-summary"),
    path("new/networks/", create_rows.instance_networks, name="instance-networks"),
    path("new/volumes/", create_rows.instance_new_volumes, name="instance-new-volumes"),
    path("new/filesystems/", create_rows.instance_new_mounts, name="instance-new-mounts"),
    path("new/scripts/", create_rows.instance_new_scripts, name="instance-new-scripts"),
    path("actions/<slug:name>/", actions.instance_action, name="instance-action"),
    path("<uuid:pk>/", detail.instance_detail, name="instance-detail"),
    path("<uuid:pk>/row/", lists.instance_row, name="instance-row"),
    path("<uuid:pk>/edit/", edit.instance_edit, name="instance-edit"),
    path("<uuid:pk>/edit/plan/", edit.instance_edit_plan, name="instance-edit-plan"),
    path("<uuid:pk>/interfaces/", interfaces.instance_interfaces, name="instance-interfaces"),
    path("<uuid:pk>/interfaces/add/", interfaces.interface_add, name="interface-add"),
    path("<uuid:pk>/interfaces/<uuid:nic>/<slug:name>/", interfaces.interface_action, name="interface-action"),
    path("<uuid:pk>/floating-ips/", interfaces.instance_floating_ips, name="instance-floating-ips"),
    path("<uuid:pk>/disks/", disks.instance_disks, name="instance-disks"),
    path("<uuid:pk>/disks/add/", disks.disk_add, name="disk-add"),
    path("disks/<uuid:pk>/attach/", disks.volume_attach, name="volume-attach"),
    path("disks/<uuid:pk>/detach/", disks.volume_detach, name="volume-detach"),
    path("disks/<uuid:pk>/resize/", disks.volume_resize, name="volume-resize"),
    path("<uuid:pk>/filesystems/", mounts.instance_filesystems, name="instance-filesystems"),
    path("<uuid:pk>/filesystems/add/", mounts.mount_add, name="mount-add"),
    path("<uuid:pk>/filesystems/<uuid:filesystem>/edit/", mounts.mount_edit, name="mount-edit"),
    path("<uuid:pk>/filesystems/<uuid:filesystem>/remove/", mounts.mount_remove, name="mount-remove"),
    path("<uuid:pk>/affinity-group/", affinity.instance_affinity, name="instance-affinity"),
    path("<uuid:pk>/affinity-group/change/", affinity.instance_regroup, name="instance-regroup"),
    path("<uuid:pk>/scripts/", scripts.instance_scripts, name="instance-scripts"),
    path("<uuid:pk>/jobs/", detail.instance_jobs, name="instance-jobs"),
]
